import { describe, expect, test } from "bun:test";
import pino from "pino";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { type ControllerOptions, controller, type Outcome } from "./controller.ts";
import { KubeError } from "./errors.ts";
import { WorkQueue } from "./queue.ts";

const DONE: Outcome = { kind: "done" };

function started(reconcile: ControllerOptions["reconcile"], options: Partial<ControllerOptions> = {}) {
  const queue = new WorkQueue({ random: () => 0, backoff: { firstMs: 2, longestMs: 20 } });
  const lines: { level: number; msg: string; key: string }[] = [];
  const logger = pino({ level: "debug" }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const subject = controller({ name: "test", queue, concurrency: 2, reconcile, logger, ...options });
  const stop = new AbortController();
  const kill = new AbortController();
  const ended = subject.run(stop.signal, { kill: kill.signal });
  return { queue, subject, lines, stop, kill, ended };
}

describe("controller()", () => {
  test("reconciles what is added, different keys side by side, one key never", async () => {
    const active = new Map<string, number>();
    let most = 0;
    let passes = 0;
    const { queue, stop, ended } = started(async (key) => {
      active.set(key, (active.get(key) ?? 0) + 1);
      expect(active.get(key)).toBe(1);
      most = Math.max(most, [...active.values()].filter((n) => n > 0).length);
      await Bun.sleep(2);
      active.set(key, 0);
      passes++;
      return DONE;
    });
    for (let i = 0; i < 10; i++) for (const key of ["a", "b", "c"]) queue.add(key);
    await eventually("the keys were worked on", () => queue.size === 0 && passes >= 3);
    stop.abort();
    await ended;
    expect(most).toBe(2);
  });

  test("tries again after an exception, then forgets the failures", async () => {
    let tries = 0;
    const { queue, subject, lines, stop, ended } = started(async () => {
      if (++tries < 3) throw new Error("not yet");
      return DONE;
    });
    queue.add("a");
    await eventually("it worked", () => subject.stats().outcomes.done === 1);
    expect(subject.stats().outcomes).toEqual({ done: 1, requeueAfter: 0, retry: 2, terminal: 0 });
    expect(queue.failures("a")).toBe(0);
    expect(lines.filter((line) => line.level === 40).length).toBe(2);
    stop.abort();
    await ended;
  });

  test("counts and logs a terminal failure, and leaves the key alone", async () => {
    const { queue, subject, lines, stop, ended } = started(async () => ({ kind: "terminal", error: new Error("no") }));
    queue.add("a");
    await eventually("it ended", () => subject.stats().outcomes.terminal === 1);
    expect(queue.stats()).toMatchObject({ ready: 0, delayed: 0, failing: 0 });
    expect(lines.at(-1)).toMatchObject({ level: 50, key: "a" });
    stop.abort();
    await ended;
  });

  test("looks again after the time asked for", async () => {
    let passes = 0;
    const { queue, stop, ended } = started(async () => (passes++ === 0 ? { kind: "requeueAfter", ms: 10 } : DONE));
    queue.add("a");
    await eventually("it looked twice", () => passes === 2, LIMIT.quick);
    stop.abort();
    await ended;
  });

  test("waits as long as a server asked for, and takes a conflict calmly", async () => {
    const details = { reason: "x", verb: "patch", resource: "jobs" };
    let passes = 0;
    const { queue, lines, stop, ended } = started(async () => {
      passes++;
      if (passes === 1) throw new KubeError("newer", { ...details, status: 409 });
      throw new KubeError("busy", { ...details, status: 429, retryAfterMs: 60_000 });
    });
    queue.add("a");
    await eventually("the second failed too", () => lines.length === 2);
    expect(lines[0]).toMatchObject({ level: 20 });
    expect(lines[1]).toMatchObject({ level: 40, delayMs: 60_000 });
    stop.abort();
    await ended;
    queue.close();
  });

  test("aborts a pass whose time box is over and tries it again", async () => {
    let passes = 0;
    const { queue, subject, stop, ended } = started(
      async (_, signal) => {
        if (passes++ > 0) return DONE;
        await new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
        return DONE;
      },
      { timeBoxMs: 20 },
    );
    queue.add("a");
    await eventually("the second pass was good", () => subject.stats().outcomes.done === 1);
    expect(passes).toBe(2);
    stop.abort();
    await ended;
  });

  test("finishes what runs when it is stopped, and takes no more", async () => {
    const gate = Promise.withResolvers<void>();
    const finished: string[] = [];
    const { queue, subject, stop, ended } = started(
      async (key, signal) => {
        await gate.promise;
        expect(signal.aborted).toBe(false);
        finished.push(key);
        return DONE;
      },
      { concurrency: 1 },
    );
    queue.add("a");
    queue.add("b");
    await eventually("one is running", () => subject.stats().running === 1);
    stop.abort();
    gate.resolve();
    await ended;
    expect(finished).toEqual(["a"]);
    expect(queue.size).toBe(1);
  });

  test("aborts what runs when it is killed", async () => {
    const { queue, subject, kill, ended } = started(async (_, signal) => {
      await new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      return DONE;
    });
    queue.add("a");
    await eventually("it is running", () => subject.stats().running === 1);
    kill.abort(new Error("lease lost"));
    await ended;
    expect(subject.stats().running).toBe(0);
  });
});
