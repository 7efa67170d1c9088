import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { eventually } from "#test/support/eventually.ts";
import { backoffMs } from "./pause.ts";
import { WorkQueue } from "./queue.ts";

const never = new AbortController().signal;
const queue = (backoff = { firstMs: 1, longestMs: 50 }) => new WorkQueue({ random: () => 0.5, backoff });

/** Everything that is ready now, in order, each given back at once. */
async function drain(from: WorkQueue): Promise<string[]> {
  const keys: string[] = [];
  while (from.size > 0) {
    const key = await from.next(never);
    if (key === undefined) break;
    keys.push(key);
    from.done(key);
  }
  return keys;
}

describe("WorkQueue", () => {
  test("next() hands out keys in order of arrival, each once", async () => {
    const subject = queue();
    for (const key of ["a", "b", "a", "c", "b"]) subject.add(key);
    expect(await drain(subject)).toEqual(["a", "b", "c"]);
  });

  test("next() waits for a key", async () => {
    const subject = queue();
    const waiting = subject.next(never);
    subject.add("a");
    expect(await waiting).toBe("a");
  });

  test("next() answers undefined when stopped, and wakes another in its place", async () => {
    const subject = queue();
    const stop = new AbortController();
    const stopped = subject.next(stop.signal);
    const other = subject.next(never);
    subject.add("a");
    stop.abort();
    const got = await Promise.race([stopped, other]);
    if (got === undefined) expect(await other).toBe("a");
    else expect(got).toBe("a");
    expect(subject.stats().processing).toBe(1);
  });

  test("a key that is added while it is worked on comes again, after done() and once", async () => {
    const subject = queue();
    subject.add("a");
    await subject.next(never);
    subject.add("a");
    subject.add("a");
    expect(subject.size).toBe(0);
    subject.done("a");
    expect(await drain(subject)).toEqual(["a"]);
  });

  test("fresh keys go before bulk keys, a bulk key added as fresh moves up", async () => {
    const subject = queue();
    for (const key of ["bulk-1", "bulk-2", "bulk-3"]) subject.add(key, { priority: "bulk" });
    subject.add("fresh");
    subject.add("bulk-3");
    expect(await drain(subject)).toEqual(["fresh", "bulk-3", "bulk-1", "bulk-2"]);
  });

  test("bulk keys get a turn although fresh ones never end", async () => {
    const subject = queue();
    subject.add("bulk", { priority: "bulk" });
    for (let i = 0; i < 20; i++) subject.add(`fresh-${i}`);
    const order = await drain(subject);
    expect(order.indexOf("bulk")).toBeLessThan(10);
  });

  test("a fresh addition during the work is not lowered by a later bulk one", async () => {
    const subject = queue();
    subject.add("a");
    await subject.next(never);
    subject.add("a");
    subject.add("a", { priority: "bulk" });
    subject.add("b", { priority: "bulk" });
    subject.done("a");
    expect(await drain(subject)).toEqual(["a", "b"]);
  });

  test("addAfter() adds at the earliest of the times asked for", async () => {
    const subject = queue();
    subject.addAfter("a", 60_000);
    subject.addAfter("a", 10);
    subject.addAfter("a", 30_000);
    expect(subject.size).toBe(0);
    await eventually("the key is ready", () => subject.size === 1);
    expect(subject.stats().delayed).toBe(0);
  });

  test("addAfter() takes a time beyond the range of a timer and does not fire early", async () => {
    const subject = queue();
    subject.addAfter("a", 40 * 24 * 3600 * 1000);
    await Bun.sleep(20);
    expect(subject.stats()).toMatchObject({ ready: 0, delayed: 1 });
    subject.close();
    expect(subject.stats().delayed).toBe(0);
  });

  test("retry() waits twice as long each time, up to the limit, until forget()", async () => {
    const subject = queue({ firstMs: 8, longestMs: 40 });
    const delays = [1, 2, 3, 4].map(() => subject.retry("a"));
    expect(delays).toEqual([6, 12, 24, 30]);
    expect(subject.failures("a")).toBe(4);
    subject.forget("a");
    expect(subject.retry("a")).toBe(6);
    expect(subject.retry("b")).toBe(6);
    expect(subject.retry("c", { atLeastMs: 70 })).toBe(70);
    expect(subject.retry("c", { atLeastMs: 0 })).toBe(12);
    await eventually("all are ready", () => subject.size === 3);
  });

  test("stats() tells how long the oldest key has waited", () => {
    let time = 0;
    const subject = new WorkQueue({ random: () => 0, monotonic: () => time });
    subject.add("a", { priority: "bulk" });
    time = 70;
    subject.add("b");
    time = 100;
    expect(subject.stats()).toMatchObject({ ready: 2, oldestMs: 100, added: 2 });
  });

  test("no key is lost, doubled or worked on twice at once, whatever the order of calls", async () => {
    const key = fc.constantFrom("a", "b", "c", "d");
    const step = fc.oneof(
      fc.record({ do: fc.constant("add" as const), key, bulk: fc.boolean() }),
      fc.record({ do: fc.constant("take" as const) }),
      fc.record({ do: fc.constant("done" as const), key }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const subject = queue();
        const wanted = new Set<string>();
        const working = new Set<string>();
        for (const action of steps) {
          if (action.do === "add") {
            subject.add(action.key, { priority: action.bulk ? "bulk" : "fresh" });
            wanted.add(action.key);
          } else if (action.do === "take" && subject.size > 0) {
            const taken = (await subject.next(never)) ?? "";
            expect(working.has(taken)).toBe(false);
            expect(wanted.delete(taken)).toBe(true);
            working.add(taken);
          } else if (action.do === "done" && working.delete(action.key)) subject.done(action.key);
        }
        for (const rest of working) subject.done(rest);
        expect(new Set(await drain(subject))).toEqual(wanted);
      }),
    );
  });
});

describe("backoffMs()", () => {
  test("stays between half and all of the doubled delay, and under the limit", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (failures, random) => {
          const delay = backoffMs(failures, { firstMs: 5, longestMs: 1_000_000, random: () => random });
          const full = Math.min(1_000_000, 5 * 2 ** Math.min(failures - 1, 40));
          expect(delay).toBeGreaterThanOrEqual(full / 2);
          expect(delay).toBeLessThanOrEqual(full);
        },
      ),
    );
  });
});
