/**
 * Stops the parts of `start`, each within its share of the time, those of one stage together and before the next: a part that hangs is left
 * behind, not waited for, because every part may be killed at any moment without losing anything.
 */
import type { Logger } from "pino";

export type Part = { readonly name: string; readonly stop: () => Promise<unknown>; readonly withinMs: number };

/** Parts that do not need each other to stop. */
export type Stage = readonly Part[];

/** Stops the stages in the order given; returns the names of the parts that did not end in time. */
export async function stopParts(stages: readonly Stage[], logger: Logger): Promise<readonly string[]> {
  const late: string[] = [];
  for (const stage of stages) {
    const inTime = await Promise.all(stage.map((part) => endsInTime(part, logger)));
    for (const { name } of stage.filter((_part, i) => !inTime[i])) {
      logger.warn({ part: name }, `Stopping goes on without waiting longer for ${name}`);
      late.push(name);
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
