import { describe, expect, test } from "bun:test";
import { failureReport } from "./failure-report.ts";

describe("failureReport()", () => {
  test("says nothing where nothing failed", () => {
    expect(failureReport([])).toBe("");
  });

  test("shows each failed test with its message below", () => {
    expect(
      failureReport([
        { name: "a.test.ts: a() > adds", message: "Expected: 1\n\nReceived: 2" },
        { name: "b.test.ts: b()", message: "test timed out" },
      ]),
    ).toBe(
      [
        "",
        "Failed:",
        "",
        "✗ a.test.ts: a() > adds",
        "    Expected: 1",
        "",
        "    Received: 2",
        "",
        "✗ b.test.ts: b()",
        "    test timed out",
        "",
        "",
      ].join("\n"),
    );
  });

  const long = Array.from({ length: 1000 }, (_, line) => `line ${line} ${"x".repeat(5000)}`).join("\n");

  test("shows the beginning of a long message", () => {
    const text = failureReport([{ name: "a", message: long }]);
    expect(text).toContain("    line 29 ");
    expect(text).not.toContain("    line 30 ");
    expect(text).toContain("    … 970 more lines\n");
    expect(text.length).toBeLessThan(8_000);
  });

  test("names every failed test with its first line, however many there are and however much they say", () => {
    const text = failureReport(Array.from({ length: 300 }, (_, index) => ({ name: `test ${index}`, message: long })));
    expect(text.match(/^✗ test \d+\n {4}line 0 x+\n {4}… 999 more lines$/gm)).toHaveLength(300);
    expect(text.length).toBeLessThan(100_000);
  });
});
