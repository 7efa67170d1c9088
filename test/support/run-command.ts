/** Runs a program of the system to its end. */

export type Finished = { readonly code: number; readonly stdout: string; readonly stderr: string };
type Environment = Readonly<Record<string, string | undefined>>;
type Options = {
  readonly env?: Environment;
  /** What `env` is added to: this process's own, unless told. */
  readonly surroundings?: Environment;
  readonly input?: string;
  readonly cwd?: string;
};

export async function run(command: readonly string[], options: Options = {}): Promise<Finished> {
  const child = Bun.spawn([...command], {
    env: { ...(options.surroundings ?? process.env), ...options.env },
    stdin: options.input === undefined ? "ignore" : new TextEncoder().encode(options.input),
    stdout: "pipe",
    stderr: "pipe",
    ...(options.cwd !== undefined && { cwd: options.cwd }),
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, stdout, stderr };
}

/** Runs a program that must succeed, and answers what it prints. */
export async function output(command: readonly string[], options: Options = {}): Promise<string> {
  const { code, stdout, stderr } = await run(command, options);
  if (code !== 0) throw new Error(`'${command.join(" ")}' ended with ${code}: ${stderr.trim()} ${stdout.trim()}`);
  return stdout.trimEnd();
}
