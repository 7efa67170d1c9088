/**
 * Which PostgreSQL processes still use a data folder, and how to end them properly.
 * A postmaster killed with -9 leaves its pid file and, for a moment, its children; a starter killed with -9 may leave a whole
 * server. The caller holds the home's lock, so whatever runs here belongs to nobody.
 */
import { readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { join } from "node:path";

const FAST_STOP_MS = 10_000;
const IMMEDIATE_STOP_MS = 5_000;
const POLL_MS = 10;

export type PidFile = { readonly pid: number; readonly port: number; readonly ready: boolean };

/** The postmaster's pid file: line 1 its pid, line 4 its port, line 8 its state. */
export function readPidFile(data: string): PidFile | undefined {
  try {
    const lines = readFileSync(join(data, "postmaster.pid"), "utf8").split("\n");
    const pid = Number(lines[0]);
    if (!Number.isInteger(pid) || pid <= 0) return undefined;
    return { pid, port: Number(lines[3]), ready: lines[7]?.trim() === "ready" };
  } catch {
    return undefined;
  }
}

/** Whether the process runs. One that has ended but was not waited for yet (its parent died, and init is slow or absent) does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
  return process.platform !== "linux" || !hasEnded(pid);
}

function hasEnded(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The state follows the command's name, which is in parentheses and may hold any character.
    return "ZX".includes(stat.charAt(stat.lastIndexOf(")") + 2));
  } catch {
    return true;
  }
}

/** Whether that process is a server (or a child of one) on this data folder: they all work in it. */
function worksIn(pid: number, data: string): boolean {
  if (process.platform === "linux") {
    try {
      return readlinkSync(`/proc/${pid}/cwd`) === data;
    } catch {
      return false;
    }
  }
  const ps = Bun.spawnSync(["ps", "-o", "command=", "-p", String(pid)]);
  return ps.stdout.toString().includes(data);
}

/** Processes that work in the data folder; on systems without /proc only the one of the pid file can be known. */
function processesIn(data: string): number[] {
  if (process.platform !== "linux") {
    const pid = readPidFile(data)?.pid;
    return pid !== undefined && worksIn(pid, data) ? [pid] : [];
  }
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => worksIn(pid, data));
}

async function goneWithin(pids: readonly number[], milliseconds: number): Promise<boolean> {
  const end = performance.now() + milliseconds;
  while (pids.some(isAlive)) {
    if (performance.now() > end) return false;
    await Bun.sleep(POLL_MS);
  }
  return true;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone in the meantime: what was wanted.
  }
}

/** Ends one server: fast (sessions cut, checkpoint written), then at once (the log is replayed at the next start), then by force. */
export async function stopServer(pid: number): Promise<void> {
  for (const [name, milliseconds] of [
    ["SIGINT", FAST_STOP_MS],
    ["SIGQUIT", IMMEDIATE_STOP_MS],
    ["SIGKILL", IMMEDIATE_STOP_MS],
  ] as const) {
    signal(pid, name);
    if (await goneWithin([pid], milliseconds)) return;
  }
  throw new Error(`Cannot stop PostgreSQL: process ${pid} does not end`);
}

/** Leaves the data folder without any process and without the pid file of a dead one. */
export async function clearLeftovers(data: string): Promise<"nothing" | "stopped" | "stale"> {
  const file = readPidFile(data);
  const running = file !== undefined && worksIn(file.pid, data);
  if (running) await stopServer(file.pid);
  const children = processesIn(data);
  if (!(await goneWithin(children, IMMEDIATE_STOP_MS))) {
    for (const pid of children) signal(pid, "SIGQUIT");
    if (!(await goneWithin(children, IMMEDIATE_STOP_MS))) {
      throw new Error(`Cannot start PostgreSQL: processes ${children.join(", ")} still use '${data}'`);
    }
  }
  if (!file) return "nothing";
  // A pid file whose number another process has been given since would be refused by the server: nobody works here any more.
  rmSync(join(data, "postmaster.pid"), { force: true });
  return running ? "stopped" : "stale";
}
