/**
 * The real program as a child process: `start` on a home of its own, and one-off commands against it.
 * What it started is ended by its process group's leader alone; a test that kills it with -9 sees what a power cut leaves.
 */
import { join } from "node:path";
import { type Finished, run } from "./run-command.ts";

/** The sources, or a compiled program that TEST_PROGRAM names. */
export const PROGRAM: readonly string[] = process.env["TEST_PROGRAM"]
  ? [process.env["TEST_PROGRAM"]]
  : [process.execPath, join(import.meta.dir, "../../cli/main.ts")];
const READY_MS = 30_000;
const STOP_MS = 15_000;

type Environment = Readonly<Record<string, string>>;

/** Variables of the caller that must not reach the program under test. */
export function cleanEnvironment(extra: Environment): Record<string, string> {
  const own = Object.entries(process.env).filter(
    ([name]) => !name.startsWith("ORDER_") && name !== "TEST_DATABASE_URL",
  );
  return { ...(Object.fromEntries(own) as Record<string, string>), ...extra };
}

/** Runs one command to its end. */
export function runProgram(
  args: readonly string[],
  { env = {}, input = "", cwd }: { env?: Environment; input?: string; cwd?: string } = {},
): Promise<Finished> {
  const where = cwd === undefined ? {} : { cwd };
  return run([...PROGRAM, ...args], { surroundings: cleanEnvironment(env), input, ...where });
}

export type RunningStart = {
  readonly url: string;
  readonly pid: number;
  /** Everything it has written to stderr so far. */
  log(): string;
  /** Sends a signal and waits for the end; fails when it does not end in time. */
  end(signal: NodeJS.Signals): Promise<number | null>;
};

/** Starts the service on free ports and waits for its `ready URL` line. */
export async function startProgram(home: string, options: { env?: Environment } = {}): Promise<RunningStart> {
  const args = ["start", "--home", home, "--port", "0", "--kube-port", "0"];
  const child = Bun.spawn([...PROGRAM, ...args], {
    env: cleanEnvironment({ ORDER_LOG_LEVEL: "debug", ...options.env }),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  let log = "";
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of child.stderr) log += decoder.decode(chunk, { stream: true });
  })();
  const url = await within(READY_MS, "the ready line", readyUrl(child.stdout)).catch(async (error: unknown) => {
    child.kill("SIGKILL");
    await reading;
    throw new Error(`Cannot start the program: ${log.slice(-4000)}`, { cause: error });
  });
  return {
    url,
    pid: child.pid,
    log: () => log,
    async end(signal) {
      child.kill(signal);
      await within(STOP_MS, `the end after ${signal}`, child.exited);
      await reading;
      return child.exitCode;
    },
  };
}

async function readyUrl(stdout: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of stdout) {
    text += new TextDecoder().decode(chunk);
    const url = /^ready (\S+)$/m.exec(text)?.[1];
    if (url) return url;
  }
  throw new Error(`It ended without a ready line: ${text}`);
}

/** The promise's value, or a failure that names what was waited for. */
export async function within<T>(milliseconds: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: Timer | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`Waited ${milliseconds} ms for ${what}`)), milliseconds);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}
