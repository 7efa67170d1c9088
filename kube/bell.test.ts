import { describe, expect, test } from "bun:test";
import { getEventListeners } from "node:events";
import { createBell } from "./bell.ts";

const LONG_MS = 60_000;
const never = new AbortController().signal;

describe("createBell()", () => {
  test("wakes who waits, and says that it rang", async () => {
    const bell = createBell();
    const waiting = bell.wait(LONG_MS, never);
    bell.ring();
    expect(await waiting).toBe(true);
  });

  test("remembers one ring that nobody waited for, however often it rang", async () => {
    const bell = createBell();
    bell.ring();
    bell.ring();
    expect([await bell.wait(LONG_MS, never), await bell.wait(1, never)]).toEqual([true, false]);
  });

  test("does not wait once the signal has aborted, and stops waiting when it does", async () => {
    const bell = createBell();
    const abort = new AbortController();
    const waiting = bell.wait(LONG_MS, abort.signal);
    abort.abort();
    expect([await waiting, await bell.wait(LONG_MS, abort.signal)]).toEqual([false, false]);
  });

  test("leaves nothing at the signal, whatever ended the wait", async () => {
    const bell = createBell();
    const { signal } = new AbortController();
    await bell.wait(1, signal);
    const waiting = bell.wait(LONG_MS, signal);
    bell.ring();
    await waiting;
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });
});
