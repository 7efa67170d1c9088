/**
 * Carries what is due, a few at a time: claims as many as it has hands free, sends each by itself, and claims again as soon as one is done, so
 * that a slow receiver holds up no other. What goes wrong with the database is tried again; what goes wrong with a receiver is `send`'s.
 */
import type { Logger } from "pino";
import { type Bell, createBell } from "#kube/bell.ts";
import { steadily } from "#kube/steadily.ts";

export type CourierOptions<T> = {
  readonly name: string;
  /** Most that are sent at a time. */
  readonly hands: number;
  /** At most `free` that are due; `carried` are on their way. */
  readonly claim: (free: number, carried: readonly T[]) => Promise<readonly T[]>;
  /** Sends it and writes down what became of it. A claim that is older than `staleMs` may be another's by now. */
  readonly send: (item: T) => Promise<void>;
  readonly staleMs: number;
  readonly random: () => number;
  readonly logger: Logger;
  readonly signal: AbortSignal;
};

export type Courier = {
  /** There may be something to carry. */
  wake(): void;
  readonly stopped: Promise<void>;
};

/** Pauses after failures end without a notification. */
const LOOK_EVERY_MS = 1_000;

export function startCourier<T>(options: CourierOptions<T>): Courier {
  const bell = createBell();
  return { wake: bell.ring, stopped: run(options, bell) };
}

async function run<T>(options: CourierOptions<T>, bell: Bell): Promise<void> {
  const carried = new Map<T, Promise<void>>();
  const round = async () => {
    const free = options.hands - carried.size;
    const claimedAt = performance.now();
    const items = free > 0 ? await options.claim(free, [...carried.keys()]) : [];
    for (const item of items)
      carried.set(
        item,
        carry(options, item, claimedAt).finally(() => put(carried, item, bell)),
      );
    if (items.length < free || carried.size >= options.hands) await bell.wait(LOOK_EVERY_MS, options.signal);
  };
  await steadily(round, { ...options, what: `carry ${options.name}` });
  await Promise.all(carried.values());
}

function put<T>(carried: Map<T, Promise<void>>, item: T, bell: Bell): void {
  carried.delete(item);
  bell.ring();
}

/** What cannot be written down is claimed again once the claim has run out: it is told again, and looks the same to the receiver. */
async function carry<T>(
  { send, staleMs, name, logger, signal }: CourierOptions<T>,
  item: T,
  since: number,
): Promise<void> {
  if (performance.now() - since > staleMs) return;
  await send(item).catch((error: unknown) => {
    if (!signal.aborted) logger.warn({ err: error }, `cannot tell what became of ${name}`);
  });
}
