/**
 * A container's program as a local process group of its own, with its output in a file: the file, not a pipe, so that output survives the
 * death of this process. The pid is written down beside its start time, so that a later run can stop what was left behind and nothing else.
 */
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export type ProcessSpec = {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Folder of the pod: logs and records lie here, the program works in `work/`. */
  readonly folder: string;
  /** Names the log and the record. */
  readonly container: string;
  readonly workingDir?: string;
  /** Keep the program's stdin open as long as this process lives, so that it can tell. */
  readonly holdStdin: boolean;
};

export type LocalProcess = {
  readonly pid: number;
  /** The exit code; 128 + signal for one that a signal ended. */
  readonly exited: Promise<number>;
  /** Sends a signal to the whole group. */
  signal(name: "SIGTERM" | "SIGKILL"): void;
};

export function logFile(folder: string, container: string): string {
  return join(folder, `${container}.log`);
}

export function recordFile(folder: string, container: string): string {
  return join(folder, `${container}.process.json`);
}

/** Starts the program; throws when it cannot be started at all (no such command). */
export function startProcess(spec: ProcessSpec): LocalProcess {
  const work = join(spec.folder, "work");
  mkdirSync(work, { recursive: true });
  const output = openSync(logFile(spec.folder, spec.container), "a", 0o600);
  try {
    const child = Bun.spawn([...spec.command], {
      cwd: spec.workingDir ?? work,
      env: { ...spec.env },
      stdin: spec.holdStdin ? "pipe" : "ignore",
      stdout: output,
      stderr: output,
      detached: true,
    });
    const { pid } = child;
    writeFileSync(recordFile(spec.folder, spec.container), JSON.stringify({ pid, startedAt: startToken(pid) ?? "" }));
    const exited = child.exited.then((code) => {
      // Like the end of a container: what its program left running ends with it.
      signalGroup(pid, "SIGKILL");
      return code;
    });
    return { pid, exited, signal: (name) => signalGroup(pid, name) };
  } finally {
    closeSync(output);
  }
}

function signalGroup(pid: number, name: "SIGTERM" | "SIGKILL"): boolean {
  try {
    return process.kill(-pid, name);
  } catch {
    // No such group (any more): what was wanted.
    return false;
  }
}

/** Something about a running process that another process with the same pid cannot have: when it was started. */
export function startToken(pid: number): string | undefined {
  if (process.platform === "linux") {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      // The command's name, in parentheses, may hold anything; the fields after it are plain. Field 22 of proc(5) is the start time.
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      // A zombie has ended; only its parent has not asked for its exit code.
      return fields[0] === "Z" ? undefined : fields[19];
    } catch {
      return undefined;
    }
  }
  const ps = Bun.spawnSync(["ps", "-o", "lstart=", "-p", String(pid)], { env: { LC_ALL: "C" } });
  return ps.stdout.toString().trim() || undefined;
}

/** Stops the process group that an earlier run recorded there, if it is that very process; true if one was found. */
export async function stopRecorded(file: string, graceMs: number): Promise<boolean> {
  const record = readRecord(file);
  if (!record || startToken(record.pid) !== record.startedAt) return false;
  signalGroup(record.pid, "SIGTERM");
  const end = performance.now() + graceMs;
  while (startToken(record.pid) === record.startedAt && performance.now() < end) await Bun.sleep(20);
  signalGroup(record.pid, "SIGKILL");
  return true;
}

function readRecord(file: string): { readonly pid: number; readonly startedAt: string } | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(file, "utf8"));
    if (typeof value !== "object" || value === null || !("pid" in value) || !("startedAt" in value)) return undefined;
    const { pid, startedAt } = value;
    return typeof pid === "number" && typeof startedAt === "string" && startedAt !== ""
      ? { pid, startedAt }
      : undefined;
  } catch {
    return undefined;
  }
}
