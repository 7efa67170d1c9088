/**
 * When a status is written that could wait. Counters change with every file, people look now and then, and each write of thousands of objects is one
 * for the API server to keep: so what only goes on is told every so often, and what has just begun only once it has lasted. Remembered in this process
 * alone: a new leader tells the same a little later.
 */
import type { Outcome } from "#kube/controller.ts";

export type Pace = {
  /** Milliseconds to wait before telling what can wait `patienceMs` since the last time, or since the first time that this was asked; 0: tell now. */
  wait(name: string, patienceMs: number): number;
  told(name: string): void;
  forget(name: string): void;
};

export function createPace(now: () => Date): Pace {
  const since = new Map<string, number>();
  return {
    wait(name, patienceMs) {
      const at = now().getTime();
      const passed = at - (since.get(name) ?? at);
      if (!since.has(name)) since.set(name, at);
      // A clock that was set back must not keep anything back.
      return passed < 0 ? 0 : Math.max(0, patienceMs - passed);
    },
    told: (name) => void since.set(name, now().getTime()),
    forget: (name) => void since.delete(name),
  };
}

/** The pass is over; the next comes at the earliest of the times that are wanted. */
export function lookAgain(...wanted: readonly (number | undefined)[]): Outcome {
  const times = wanted.filter((ms) => ms !== undefined);
  return times.length === 0 ? { kind: "done" } : { kind: "requeueAfter", ms: Math.min(...times) };
}
