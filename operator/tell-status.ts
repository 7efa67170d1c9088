/**
 * Tells how an object stands: its status, once that may not wait any longer, and the events that come with it. A status that differs from the one
 * that is there and could not be written is a conflict, so the same is told again by the next pass.
 */
import type { Emission, EventRecorder, Regarding } from "#kube/events.ts";
import type { ResourceApi } from "#kube/resource.ts";
import type { LatestSeen } from "./latest.ts";
import type { Pace } from "./pace.ts";
import { writeStatus } from "./write-status.ts";

type WithStatus = Regarding & { readonly status?: object };

export type Teller<T extends WithStatus> = {
  readonly api: ResourceApi<T>;
  readonly latest: LatestSeen<T>;
  readonly pace: Pace;
  readonly recorder: EventRecorder;
};

export type Telling = {
  readonly status: object;
  /** How long it may wait. */
  readonly patienceMs: number;
  /** Told when the status was written. */
  readonly events: readonly Emission[];
};

/** How many milliseconds the status waits, when it does. Throws a conflict when the object has changed: look again. */
export async function tellStatus<T extends WithStatus>(
  { api, latest, pace, recorder }: Teller<T>,
  object: T,
  { status, patienceMs, events }: Telling,
): Promise<number | undefined> {
  if (Bun.deepEquals(object.status ?? {}, status)) return undefined;
  const { name } = object.metadata;
  const waits = patienceMs > 0 ? pace.wait(name, patienceMs) : 0;
  if (waits > 0) return waits;
  const written = await writeStatus(api, object, status);
  if (written === undefined) return undefined;
  pace.told(name);
  latest.remember(written);
  for (const event of events) await recorder.emit(written, event);
  return undefined;
}
