import { expect, test } from "bun:test";
import { createPace, lookAgain } from "./pace.ts";

function aPace() {
  const clock = { at: 1_000_000 };
  return { clock, pace: createPace(() => new Date(clock.at)) };
}

test("wait() counts from the first time that it was asked, then from the last time that was told", () => {
  const { clock, pace } = aPace();
  expect(pace.wait("a", 5_000)).toBe(5_000);
  clock.at += 2_000;
  expect(pace.wait("a", 5_000)).toBe(3_000);
  clock.at += 3_000;
  expect(pace.wait("a", 5_000)).toBe(0);
  pace.told("a");
  expect([pace.wait("a", 5_000), pace.wait("b", 5_000)]).toEqual([5_000, 5_000]);
  pace.forget("a");
  clock.at += 1_000;
  expect([pace.wait("a", 5_000), pace.wait("b", 5_000)]).toEqual([5_000, 4_000]);
});

test("wait() holds nothing back because the clock was set back", () => {
  const { clock, pace } = aPace();
  pace.told("a");
  clock.at -= 3_600_000;
  expect(pace.wait("a", 5_000)).toBe(0);
});

test("lookAgain() takes the earliest of the times that are wanted", () => {
  expect(lookAgain(undefined, undefined)).toEqual({ kind: "done" });
  expect(lookAgain(700, undefined, 300)).toEqual({ kind: "requeueAfter", ms: 300 });
});
