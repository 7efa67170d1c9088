/**
 * The download gate: whether a user's next sub-orders wait until what is ready was downloaded (DESIGN §9). Pure.
 * `Always` is what the guides of RS-ORDER describe; `WhenFull` does so only while room is short; `Never` never.
 */
import type { Limits } from "./view.ts";

export type GateQuestion = {
  /** Sub-orders of the user that run, and that are ready but not downloaded. */
  readonly running: number;
  readonly undownloaded: number;
  readonly isFull: boolean;
};

/** Whether the gate is shut for this user. What only runs is no reason: it needs no download yet. */
export function isShut(question: GateQuestion, limits: Pick<Limits, "gate" | "gatePerUser">): boolean {
  const { running, undownloaded, isFull } = question;
  if (limits.gate === "Never" || undownloaded === 0) return false;
  if (limits.gate === "WhenFull") return isFull;
  return running + undownloaded >= limits.gatePerUser;
}
