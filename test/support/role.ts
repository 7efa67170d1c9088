/** One role of a cluster as a child process: its ready line, its health port, what it logs, and its end. */
import { eventually, LIMIT } from "./eventually.ts";
import { cleanEnvironment, PROGRAM, within } from "./program.ts";

export type RoleProcess = {
  readonly pid: number;
  /** What its ready line says beside `ready`, e.g. the address of the API. */
  readonly about: string;
  /** `http://127.0.0.1:port` of its health port. */
  readonly health: string;
  log(): string;
  /** Status of a page of the health port. */
  probe(page: "healthz" | "readyz"): Promise<number>;
  signal(name: NodeJS.Signals): void;
  /** Sends a signal and waits for the end; the exit code, null where a signal ended it. */
  end(signal: NodeJS.Signals): Promise<number | null>;
};

type Environment = Readonly<Record<string, string>>;

/** Starts a role and waits for its ready line. */
export async function startRole(role: string, env: Environment): Promise<RoleProcess> {
  const process = await launchRole(role, env);
  await process.ready();
  return process;
}

/** Starts a role and waits only for its health port. */
export async function launchRole(role: string, env: Environment) {
  const child = Bun.spawn([...PROGRAM, role], {
    env: cleanEnvironment({ ORDER_LOG_LEVEL: "debug", ...env }),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const text = { out: "", err: "" };
  const reading = Promise.all([read(child.stdout, "out"), read(child.stderr, "err")]);
  async function read(stream: ReadableStream<Uint8Array>, into: "out" | "err"): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) text[into] += decoder.decode(chunk, { stream: true });
  }
  const lastWords = () => text.err.slice(-2000);
  /** Waits until `look` finds something in what it has said; not after it has ended. */
  async function said(what: string, look: () => string | undefined): Promise<string> {
    const missing = () => (child.exitCode === null ? Promise.reject(new Error(lastWords())) : { code: child.exitCode });
    const found = await eventually(what, () => look() ?? missing(), LIMIT.slow);
    if (typeof found === "string") return found;
    throw new Error(`Cannot wait until ${what}: it ended with ${found.code}: ${lastWords()}`);
  }
  const health = await said(`the ${role} has a health port`, () => /"health":"(http:[^"]+)"/.exec(text.err)?.[1]);
  return {
    pid: child.pid,
    health,
    log: () => text.err,
    get about() {
      return /^ready ?(.*)$/m.exec(text.out)?.[1] ?? "";
    },
    async ready(): Promise<void> {
      await said(`the ${role} is ready`, () => /^ready/m.exec(text.out)?.[0]);
    },
    async probe(page: "healthz" | "readyz"): Promise<number> {
      const answer = await fetch(`${health}/${page}`).catch((error: unknown) => {
        throw new Error(`Cannot ask the ${role} for its health: ${lastWords()}`, { cause: error });
      });
      return answer.status;
    },
    signal: (name: NodeJS.Signals) => child.kill(name),
    async end(signal: NodeJS.Signals): Promise<number | null> {
      child.kill(signal);
      await within(LIMIT.slow, `the end after ${signal}`, child.exited);
      await reading;
      return child.exitCode;
    },
  };
}
