import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { runFiles } from "./run-files.ts";
import { temporaryFolder } from "./support/folder.ts";

const IMPORT = `import { describe, expect, test } from "bun:test";\n`;
const FILES = {
  "fails.test.ts": `describe("sum()", () => { test("adds", () => expect(1 + 1).toBe(3)); test("is", () => {}); });`,
  "waits.test.ts": `test("waits for ever", () => new Promise(() => {}), 50);`,
  "breaks.test.ts": `throw new Error("It does not load");`,
  "dies.test.ts": `test("fails first", () => { throw new Error("no"); }); test("dies", () => process.kill(process.pid, "SIGKILL"));`,
  "leaves.test.ts": `test("leaves", () => { Bun.spawn(["sleep", "20"], { stdin: "ignore", stdout: "ignore", stderr: "inherit" }).unref(); });`,
};

/** What came of running some of the files together, and all that was passed on. */
async function outcome(names: readonly (keyof typeof FILES)[], parallel = 1) {
  const folder = temporaryFolder("run-files");
  for (const name of names) writeFileSync(join(folder.path, name), `${IMPORT}${FILES[name]}`);
  let output = "";
  const run = await runFiles(names, {
    cwd: folder.path,
    report: join(folder.path, "report.xml"),
    parallel,
    env: process.env,
    write: async (text) => {
      output += text;
    },
  });
  folder.remove();
  return { ...run, output };
}

describe("runFiles()", () => {
  for (const parallel of [1, 2]) {
    test(`names each failed test with its error, of ${parallel} at a time, and what failed outside any test`, async () => {
      const run = await outcome(["breaks.test.ts", "fails.test.ts", "waits.test.ts"], parallel);
      expect({ passed: run.passed, failed: run.failed }).toEqual({ passed: 1, failed: 3 });
      expect(run.failures).toEqual([
        { name: "fails.test.ts: sum() > adds", message: expect.stringMatching(/Expected: 3\n\s*Received: 2/) },
        { name: "waits.test.ts: waits for ever", message: "test timed out" },
        { name: "An error outside any test", message: expect.stringContaining("error: It does not load") },
      ]);
      expect(run.output).toContain("(fail) sum() > adds");
      expect(run.output).toContain("Ran 4 tests across 3 files.");
    });
  }

  test("counts a runner that died as one failure, with what it said last", async () => {
    const run = await outcome(["fails.test.ts", "dies.test.ts"]);
    expect({ passed: run.passed, failed: run.failed }).toEqual({ passed: 0, failed: 1 });
    const [failure] = run.failures;
    expect(failure?.name).toBe("The runner ended with code 137 and named no failed test; before that");
    expect(failure?.message).toContain("(fail) sum() > adds");
    expect(failure?.message).toContain("(fail) fails first");
  });

  test("does not wait for a program that a test left behind", async () => {
    const begun = performance.now();
    expect(await outcome(["leaves.test.ts"])).toMatchObject({ passed: 1, failed: 0 });
    expect(performance.now() - begun).toBeLessThan(15_000);
  });
});
