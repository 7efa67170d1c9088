import { describe, expect, test } from "bun:test";
import { humanLine } from "./logger.ts";

describe("humanLine()", () => {
  const line = (record: object) => humanLine(JSON.stringify({ time: "2026-01-01T12:00:00Z", ...record }), false);

  test("says an ordinary event without its level", () => {
    expect(line({ level: "info", msg: "Order accepted", order: 7 })).toMatch(
      /^\d\d:\d\d:\d\d {2}Order accepted {2}order=7\n$/,
    );
  });

  test("says what kind an extraordinary event is, and its cause", () => {
    expect(line({ level: "error", msg: "Cannot fetch", err: { message: "refused", stack: "…" } })).toMatch(
      /^\d\d:\d\d:\d\d {2}error: Cannot fetch: refused\n$/,
    );
  });

  test("colours only where it may", () => {
    const record = JSON.stringify({ level: "warn", msg: "slow", time: "2026-01-01T12:00:00Z" });
    expect(humanLine(record, true)).toContain("\u001b[33mwarn: ");
    expect(humanLine(record, false)).not.toContain("\u001b");
  });
});
