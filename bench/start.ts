/**
 * How long `start` takes until it is ready, from the launcher's first instruction: the first run on a new home, then runs after it.
 * Usage: bun bench/start.ts [RUNS]
 */
import { join } from "node:path";
import { temporaryFolder } from "#test/support/folder.ts";

const runs = Number(process.argv[2] ?? 5);
const program = join(import.meta.dir, "../cli/regards-order");
const folder = temporaryFolder("bench-start");
const home = join(folder.path, "home");

const first = await readyAfter();
const later: number[] = [];
for (let i = 0; i < runs; i++) later.push(await readyAfter());
folder.remove();
later.sort((a, b) => a - b);
const median = later[Math.floor(later.length / 2)] ?? Number.NaN;
process.stdout.write(`first start   ${first.toFixed(0)} ms\n`);
process.stdout.write(
  `later starts  ${median.toFixed(0)} ms (median of ${runs}, ${later.map((ms) => ms.toFixed(0)).join(" ")})\n`,
);

async function readyAfter(): Promise<number> {
  const began = performance.now();
  const child = Bun.spawn([program, "start", "--home", home, "--port", "0", "--kube-port", "0"], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
  });
  for await (const chunk of child.stdout) {
    if (new TextDecoder().decode(chunk).includes("ready ")) break;
  }
  const took = performance.now() - began;
  child.kill("SIGTERM");
  await child.exited;
  return took;
}
