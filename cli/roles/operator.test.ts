import { describe, expect, test } from "bun:test";
import type { WatchHealth } from "#operator/watches.ts";
import { stuck, unprepared } from "./operator.ts";

const NOW = 1_000_000;
const QUEUE = { ready: 0, processing: 0, delayed: 0, failing: 0, oldestMs: 0, added: 0, retried: 0 };

function watch(changes: Partial<WatchHealth> = {}): WatchHealth {
  const times = { lastActivity: new Date(0), turnedAt: NOW - 1000 };
  return {
    resource: "orders",
    objects: 1,
    synced: true,
    following: true,
    relists: 0,
    failures: 0,
    ...times,
    ...changes,
  };
}

function controllers(longestMs: number) {
  const passes = {
    running: 1,
    longestMs,
    busySeconds: 1,
    outcomes: { done: 0, requeueAfter: 0, retry: 0, terminal: 0 },
  };
  return [{ name: "order" as const, queue: QUEUE, passes }];
}

describe("stuck()", () => {
  test("finds nothing in an operator whose loops go round, even if nothing answers them", () => {
    const failing = watch({ following: false, failures: 100, turnedAt: NOW - 40_000 });
    expect(stuck({ watches: [failing], controllers: controllers(100_000) }, NOW)).toEqual([]);
  });

  test("finds a watch that no longer goes round, and a pass that outlives its time box many times", () => {
    expect(stuck({ watches: [watch({ turnedAt: NOW - 400_000 })], controllers: controllers(700_000) }, NOW)).toEqual([
      "The watch of orders has stood still for 400 s",
      "A pass of the order controller has run for 700 s",
    ]);
  });
});

describe("unprepared()", () => {
  test("says what is not listed and what cannot be followed, and forgives a few failures", () => {
    expect(unprepared({ watches: [watch(), watch({ following: false, failures: 2 })] })).toEqual([]);
    expect(unprepared({ watches: [watch({ synced: false }), watch({ following: false, failures: 3 })] })).toEqual([
      "The orders are not listed yet",
      "The watch of orders has failed 3 times in a row",
    ]);
  });

  test("believes a watch that is open again although it has said nothing yet", () => {
    expect(unprepared({ watches: [watch({ failures: 9 })] })).toEqual([]);
  });
});
