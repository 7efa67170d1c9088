/**
 * Runs test files with `bun test`, its output passed on as it comes, and tells what failed and why. The report names failed tests only:
 * an error outside any test (a file that does not load) and a runner that died are read from the output, or they would not count.
 */
import { type Counts, type Failure, readJunit } from "./junit.ts";

const TEST_TIMEOUT_MS = 30_000;
/** How long the output is still read when the runner has ended: a program that a test left behind may hold it open. */
const LAST_OUTPUT_MS = 1_000;
const LAST_LINES = 40;

export type Run = Counts & { readonly failures: readonly Failure[]; readonly skippedNames: readonly string[] };
type Options = {
  readonly cwd: string;
  /** Where the report is written. */
  readonly report: string;
  readonly parallel: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Takes the runner's words, and settles when it has passed them on. */
  readonly write: (text: string) => Promise<void>;
  readonly signal?: AbortSignal;
};

export async function runFiles(files: readonly string[], o: Options): Promise<Run> {
  const args = [
    "test",
    `--timeout=${TEST_TIMEOUT_MS}`,
    ...(o.parallel > 1 ? [`--parallel=${o.parallel}`] : []),
    "--reporter=junit",
    `--reporter-outfile=${o.report}`,
    ...files.map((file) => `./${file}`),
  ];
  const child = Bun.spawn([process.execPath, ...args], {
    cwd: o.cwd,
    env: { ...(process.stderr.isTTY && { FORCE_COLOR: "1" }), ...o.env },
    stdin: "ignore",
    stdout: "inherit",
    stderr: "pipe",
    ...(o.signal && { signal: o.signal }),
  });
  let output = "";
  const reading = pass(child.stderr, (text) => {
    output += text;
    return o.write(text);
  });
  const code = await child.exited;
  await Promise.race([reading, Bun.sleep(LAST_OUTPUT_MS)]);
  const report = readJunit(
    await Bun.file(o.report)
      .text()
      .catch(() => ""),
  );
  const failures = [...report.failures, ...strayErrors(output)];
  if (code !== 0 && failures.length === 0) failures.push(deathOfRunner(code, output));
  return { ...report, failed: failures.length, failures };
}

async function pass(stream: ReadableStream<Uint8Array>, write: (text: string) => Promise<void>): Promise<void> {
  const decoder = new TextDecoder();
  for await (const chunk of stream) await write(decoder.decode(chunk, { stream: true }));
}

/** Errors outside any test: they are told between two lines of dashes, and in no report. */
function strayErrors(output: string): readonly Failure[] {
  return [...Bun.stripANSI(output).matchAll(/^# Unhandled error between tests\n-+\n([\s\S]*?)\n-{9,}$/gm)].map(
    ([, message = ""]) => ({ name: "An error outside any test", message }),
  );
}

function deathOfRunner(code: number, output: string): Failure {
  const lines = Bun.stripANSI(output).trimEnd().split("\n");
  const failed = lines.filter((line) => line.startsWith("(fail) "));
  return {
    name: `The runner ended with code ${code} and named no failed test; before that`,
    message: [...failed, ...lines.slice(-LAST_LINES)].join("\n"),
  };
}
