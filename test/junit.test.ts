import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readJunit } from "./junit.ts";
import { temporaryFolder } from "./support/folder.ts";

describe("readJunit()", () => {
  test("counts what `bun test` reports of a suite with every outcome", async () => {
    const folder = temporaryFolder("junit");
    mkdirSync(join(folder.path, "inner"));
    writeFileSync(
      join(folder.path, "inner/some.test.ts"),
      `import { describe, expect, test } from "bun:test";
      describe("group > with <marks> & \\"quotes\\"", () => {
        test("passes", () => { expect(1).toBe(1); });
        test("passes </testcase> too", () => {});
        test("fails <failure", () => { expect("</testcase>").toBe("<skipped"); });
        test("throws", () => { throw new Error("no"); });
        test.skip("skipped", () => {});
        test.todo("later");
      });`,
    );
    const report = join(folder.path, "report.xml");
    const child = Bun.spawn([process.execPath, "test", "--reporter=junit", `--reporter-outfile=${report}`], {
      cwd: folder.path,
      stdout: "ignore",
      stderr: "ignore",
    });
    await child.exited;
    const { skippedNames, failures, ...counts } = readJunit(await Bun.file(report).text());
    folder.remove();
    expect(counts).toEqual({ passed: 2, failed: 2, skipped: 2 });
    const group = 'inner/some.test.ts: group > with <marks> & "quotes"';
    expect(failures).toEqual([
      { name: `${group} > fails <failure`, message: expect.stringContaining('Received: "</testcase>"') },
      { name: `${group} > throws`, message: expect.stringMatching(/^Error: no\n +at .*some\.test\.ts:6:/) },
    ]);
    expect(skippedNames).toEqual([`${group} > skipped`, `${group} > later`]);
  });

  test("counts nothing in an empty report", () => {
    expect(readJunit('<?xml version="1.0"?><testsuites></testsuites>')).toEqual({
      passed: 0,
      failed: 0,
      skipped: 0,
      failures: [],
      skippedNames: [],
    });
  });
});
