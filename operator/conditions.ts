/**
 * Conditions of our resources, built from observation each time; the old list only gives the times of transitions.
 * A time that moved without its status moving would make every pass a write.
 */
import type { Condition } from "#crds/meta.ts";

export type Observation = {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
};

const MAX_MESSAGE = 1024;

/** The conditions to write: `observed` ones in their order, then those of other writers as they were. */
export function conditions(
  before: readonly Condition[],
  observed: readonly Observation[],
  options: { readonly generation: number; readonly now: { toISOString(): string } },
): Condition[] {
  const ours = observed.map((next) => {
    const old = before.find((c) => c.type === next.type);
    return {
      type: next.type,
      status: next.status,
      reason: next.reason,
      message: shorten(next.message, MAX_MESSAGE),
      lastTransitionTime: old?.status === next.status ? old.lastTransitionTime : wholeSeconds(options.now),
      observedGeneration: options.generation,
    };
  });
  const others = before.filter((c) => !observed.some((next) => next.type === c.type));
  return [...ours, ...others];
}

/** `text` cut to `limit` characters, the cut marked. */
export function shorten(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit - 1)}…`;
}

/** RFC 3339 without fractions, as Kubernetes writes its times. */
export function wholeSeconds(time: { toISOString(): string }): string {
  return time.toISOString().replace(/\.\d+Z$/, "Z");
}

/** The condition of this type, when there is one. */
export function conditionOf(list: readonly Condition[] | undefined, type: string): Condition | undefined {
  return list?.find((c) => c.type === type);
}
