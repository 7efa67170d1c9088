/**
 * `npm run check`: the gates that need no test run, in the order in which they fail soonest. All of them run, so that one
 * look shows everything; the last line names those that failed.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "..");
const BIN = join(ROOT, "node_modules/.bin");
const MAX_LINES = 400;

/** A gate is a command line, or a function that lists what is wrong. */
type Gate = { readonly name: string } & (
  | { readonly command: readonly string[] }
  | { readonly problems: () => readonly string[] }
);

const GATES: readonly Gate[] = [
  {
    name: "biome (format and lint)",
    command: [join(BIN, "biome"), "ci", ...(process.stdout.isTTY ? [] : ["--colors=off"])],
  },
  { name: "tsc (types)", command: [join(BIN, "tsc"), "-p", "."] },
  { name: "knip (nothing unused)", command: [process.execPath, join(BIN, "knip")] },
  { name: "generated definitions", command: [process.execPath, "crds/generate.ts", "--check"] },
  { name: "generated values of the chart", command: [process.execPath, "charts/generate.ts", "--check"] },
  { name: `no source file over ${MAX_LINES} lines`, problems: longFiles },
  { name: "no address in bun.lock", problems: addresses },
];

const failed: string[] = [];
for (const gate of GATES) {
  const good = "command" in gate ? await passes(gate.command) : report(gate.problems());
  process.stdout.write(`${good ? "ok    " : "FAILED"}  ${gate.name}\n`);
  if (!good) failed.push(gate.name);
}
if (failed.length > 0) process.stdout.write(`check failed: ${failed.join(", ")}\n`);
process.exit(failed.length === 0 ? 0 : 1);

async function passes(command: readonly string[]): Promise<boolean> {
  const child = Bun.spawn([...command], { cwd: ROOT, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [output, errors, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) process.stdout.write(`${output}${errors}\n`);
  return code === 0;
}

function report(problems: readonly string[]): boolean {
  for (const problem of problems) process.stdout.write(`${problem}\n`);
  return problems.length === 0;
}

function longFiles(): readonly string[] {
  const listed = Bun.spawnSync(["git", "ls-files", "-co", "--exclude-standard", "*.ts", "*.mjs", "*.tsx"], {
    cwd: ROOT,
  });
  return listed.stdout
    .toString()
    .split("\n")
    .filter((file) => file !== "" && existsSync(join(ROOT, file)))
    .map((file) => ({ file, lines: readFileSync(join(ROOT, file), "utf8").split("\n").length - 1 }))
    .filter(({ lines }) => lines > MAX_LINES)
    .map(({ file, lines }) => `${file}: ${lines} lines`);
}

function addresses(): readonly string[] {
  return readFileSync(join(ROOT, "bun.lock"), "utf8")
    .split("\n")
    .flatMap((line, index) => (line.includes("://") ? [`bun.lock:${index + 1}: ${line.trim()}`] : []));
}
