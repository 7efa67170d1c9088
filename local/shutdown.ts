/**
 * Stops the parts of `start` one after another, each within its share of the time: a part that hangs is left behind, not waited
 * for, because every part may be killed at any moment without losing anything.
 */
import type { Logger } from "pino";

export type Part = { readonly name: string; readonly stop: () => Promise<unknown>; readonly withinMs: number };

/** Stops the parts in the order given; returns the names of those that did not end in time. */
export async function stopParts(parts: readonly Part[], logger: Logger): Promise<readonly string[]> {
  const late: string[] = [];
  for (const part of parts) {
    if (!(await endsInTime(part, logger))) {
      logger.warn({ part: part.name }, `Stopping goes on without waiting longer for ${part.name}`);
      late.push(part.name);
    }
  }
  return late;
}

async function endsInTime(part: Part, logger: Logger): Promise<boolean> {
  let timer: Timer | undefined;
  const limit = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), part.withinMs);
  });
  const stopped = part.stop().then(
    () => true,
    (error: unknown) => {
      logger.error({ err: error }, `Cannot stop ${part.name} properly`);
      return true;
    },
  );
  const inTime = await Promise.race([stopped, limit]);
  clearTimeout(timer);
  return inTime;
}
