/**
 * Tells a status and its events, only when it differs and may not wait any longer: a converged object costs no write. A merge patch, so that fields of
 * others stay, of the version that was looked at: the API server ignores a UID in a patch of the status, so only the version keeps it from an object
 * made anew under the name.
 */
import { isNotFound } from "#kube/errors.ts";
import type { Emission, EventRecorder, Regarding } from "#kube/events.ts";
import type { ResourceApi } from "#kube/resource.ts";
import type { LatestSeen } from "./latest.ts";
import type { Pace } from "./pace.ts";

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
  const written = await write(api, object, status);
  if (written === undefined) return undefined;
  pace.told(name);
  latest.remember(written);
  for (const event of events) await recorder.emit(written, event);
  return undefined;
}

/** The object as written; `undefined` when it is gone. */
async function write<T extends WithStatus>(api: ResourceApi<T>, object: T, status: object): Promise<T | undefined> {
  const { name, resourceVersion } = object.metadata;
  const absent = Object.keys(object.status ?? {}).filter((key) => !(key in status));
  const patch = {
    metadata: { resourceVersion },
    status: { ...status, ...Object.fromEntries(absent.map((key) => [key, null])) },
  };
  try {
    return await api.patch(name, patch, { subresource: "status" });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
