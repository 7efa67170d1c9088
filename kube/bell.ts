/** Wakes one loop that waits for work. A hint, like a notification: what there is to do is found by looking. */

export type Bell = {
  ring(): void;
  /** Until it rings or has rung since the last wait, at most `ms`, or until the signal aborts. Answers whether it rang. */
  wait(ms: number, signal: AbortSignal): Promise<boolean>;
};

/** Remembers a ring that nobody waits for. */
export function createBell(): Bell {
  let rung = false;
  let wake = () => {};
  return {
    ring() {
      rung = true;
      wake();
    },
    async wait(ms, signal) {
      if (!rung && !signal.aborted) {
        await new Promise<void>((resolve) => {
          const done = () => {
            clearTimeout(timer);
            signal.removeEventListener("abort", done);
            resolve();
          };
          const timer = setTimeout(done, ms);
          signal.addEventListener("abort", done, { once: true });
          wake = done;
        });
      }
      const was = rung;
      rung = false;
      return was;
    },
  };
}
