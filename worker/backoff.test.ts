import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { backoffMs, pause } from "./backoff.ts";

describe("backoffMs()", () => {
  test("backoffMs() doubles, stays below the limit and never drops under half of its step", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2000 }), fc.double({ min: 0, max: 1, noNaN: true }), (failures, random) => {
        const step = Math.min(30_000, 500 * 2 ** Math.min(failures - 1, 30));
        const delay = backoffMs(failures, { baseMs: 500, maxMs: 30_000 }, () => random);
        expect(delay).toBeGreaterThanOrEqual(Math.floor(step / 2));
        expect(delay).toBeLessThanOrEqual(step);
      }),
    );
  });
});

describe("pause()", () => {
  test("pause() ends at once when the signal aborts", async () => {
    const stop = new AbortController();
    const before = performance.now();
    const waiting = pause(60_000, stop.signal);
    stop.abort();
    await waiting;
    expect(performance.now() - before).toBeLessThan(5000);
  });
});
