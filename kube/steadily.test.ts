import { describe, expect, test } from "bun:test";
import { steadily } from "./steadily.ts";

/** Runs steps that answer, or throw, one after another, and stop the loop at their end. */
async function outcome(steps: readonly (() => void)[]) {
  const abort = new AbortController();
  const warned: unknown[] = [];
  const counts = { steps: 0, failures: 0 };
  const step = async () => {
    counts.steps++;
    if (counts.steps === steps.length) abort.abort();
    steps[counts.steps - 1]?.();
  };
  const begun = performance.now();
  await steadily(step, {
    what: "look for work",
    random: () => 0,
    logger: { warn: (...told: unknown[]) => void warned.push(told) },
    onFailure: () => counts.failures++,
    signal: abort.signal,
  });
  return { ...counts, warned, ms: performance.now() - begun };
}

const fail = () => {
  throw new Error("away");
};
const go = () => {};

describe("steadily()", () => {
  test("does the step again until the signal aborts", async () => {
    expect(await outcome([go, go, go])).toMatchObject({ steps: 3, failures: 0, warned: [] });
  });

  test("tells of a failure, waits, and goes on; pauses grow with failures in a row", async () => {
    const { ms, ...told } = await outcome([fail, fail, go, fail, go]);
    const warning = [{ err: new Error("away") }, "cannot look for work now"];
    expect(told).toEqual({ steps: 5, failures: 3, warned: [warning, warning, warning] });
    // Half of 100, of 200 and, after the success, of 100 again; timers may be a little early.
    expect(ms).toBeGreaterThan(195);
  });

  test("does not tell of a failure that the end brought with it", async () => {
    expect(await outcome([go, fail])).toMatchObject({ steps: 2, failures: 0, warned: [] });
  });
});
