/**
 * Writes Events (`events.k8s.io/v1`) about objects: what `kubectl describe` shows. Losing one must never hurt, so nothing here throws.
 * The same thing said again becomes a series of the first Event; its count is written when it doubles or a minute has passed, not each time.
 */
import type { Logger } from "pino";
import { isNotFound } from "./errors.ts";
import { EVENTS, type Event, microTime } from "./kinds.ts";
import { type KubeObject, type ResourceApi, resourceApi } from "./resource.ts";
import type { Transport } from "./transport.ts";

export type Emission = {
  readonly type: "Normal" | "Warning";
  /** Why, one PascalCase word. */
  readonly reason: string;
  /** What was done about it, one PascalCase word. */
  readonly action: string;
  readonly note: string;
};
export type Regarding = KubeObject & { readonly kind: string; readonly apiVersion: string };
export type EventRecorder = { emit(regarding: Regarding, emission: Emission): Promise<void> };

type Series = { name: string; count: number; written: number; writtenAt: number; lastAt: number };

const SERIES_MS = 6 * 60_000;
const REWRITE_MS = 60_000;
const MAX_SERIES = 4096;
const MAX_NOTE = 1024;
const MAX_NAME = 253;

export function eventRecorder(
  transport: Transport,
  options: {
    /** Who speaks, e.g. a program's name. */
    readonly component: string;
    /** Which process of it. */
    readonly instance?: string;
    readonly now: () => Date;
    readonly logger: Logger;
  },
): EventRecorder {
  const { component, instance = component, now, logger } = options;
  /** By what is said about whom; the least recently said first. */
  const series = new Map<string, Series>();

  async function first(regarding: Regarding, emission: Emission, key: string): Promise<void> {
    const at = now().getTime();
    const name = eventName(regarding.metadata.name);
    remember(key, { name, count: 1, written: 1, writtenAt: at, lastAt: at });
    await eventsOf(regarding).create(eventOf(regarding, emission, name));
  }

  async function again(
    regarding: Regarding,
    emission: Emission,
    known: { key: string; series: Series },
  ): Promise<void> {
    const { key, series: current } = known;
    const at = now();
    current.count++;
    current.lastAt = at.getTime();
    remember(key, current);
    if (current.count < 2 * current.written && current.lastAt - current.writtenAt < REWRITE_MS) return;
    current.written = current.count;
    current.writtenAt = current.lastAt;
    try {
      await eventsOf(regarding).patch(current.name, {
        series: { count: current.count, lastObservedTime: microTime(at) },
      });
    } catch (error) {
      // The server forgets Events after an hour or so.
      if (!isNotFound(error)) throw error;
      await first(regarding, emission, key);
    }
  }

  function remember(key: string, value: Series): void {
    series.delete(key);
    series.set(key, value);
    if (series.size <= MAX_SERIES) return;
    const [oldest] = series.keys();
    if (oldest !== undefined) series.delete(oldest);
  }

  function eventOf(regarding: Regarding, emission: Emission, name: string): Event {
    const { uid, resourceVersion } = regarding.metadata;
    return {
      metadata: { name },
      eventTime: microTime(now()),
      type: emission.type,
      reason: emission.reason,
      action: emission.action,
      note: clip(emission.note),
      reportingController: component,
      reportingInstance: instance,
      regarding: {
        apiVersion: regarding.apiVersion,
        kind: regarding.kind,
        name: regarding.metadata.name,
        namespace: regarding.metadata.namespace ?? transport.namespace,
        ...(uid === undefined ? {} : { uid }),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      },
    };
  }

  function eventsOf(regarding: Regarding): ResourceApi<Event> {
    return resourceApi(transport, EVENTS, { namespace: regarding.metadata.namespace ?? transport.namespace });
  }

  return {
    async emit(regarding, emission) {
      const { type, reason, action, note } = emission;
      const key = JSON.stringify([
        regarding.kind,
        regarding.metadata.uid ?? regarding.metadata.name,
        type,
        reason,
        action,
        note,
      ]);
      const known = series.get(key);
      try {
        if (known !== undefined && now().getTime() - known.lastAt < SERIES_MS) {
          await again(regarding, emission, { key, series: known });
        } else {
          await first(regarding, emission, key);
        }
      } catch (error) {
        logger.info({ reason, regarding: regarding.metadata.name, err: error }, "Event could not be written");
      }
    },
  };
}

/** The object's name and something of its own; the name gives way where both are too long. */
function eventName(name: string): string {
  const suffix = crypto.randomUUID().replaceAll("-", "").slice(0, 16);
  return `${name.slice(0, MAX_NAME - suffix.length - 1)}.${suffix}`;
}

/** The API counts bytes. */
function clip(note: string): string {
  const bytes = new TextEncoder().encode(note);
  if (bytes.length <= MAX_NOTE) return note;
  return `${new TextDecoder().decode(bytes.slice(0, MAX_NOTE - 3), { stream: true })}…`;
}
