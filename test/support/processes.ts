/** Which processes of this machine belong to a home folder: it stands in their command line or environment. */
import { readdirSync, readFileSync } from "node:fs";

/** Command lines of the processes that name the folder, this process and its parents left out. */
export function processesOf(folder: string): readonly string[] {
  const found: string[] = [];
  for (const pid of readdirSync("/proc")) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    const command = read(`/proc/${pid}/cmdline`);
    if (command.includes(folder) || read(`/proc/${pid}/environ`).includes(folder)) {
      found.push(`${pid} ${command.replaceAll("\0", " ")}`);
    }
  }
  return found;
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
