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

/** Whether the gate is shut for this user. `Always` counts what runs as well: it will have to be downloaded too. */
export function isShut(question: GateQuestion, limits: Pick<Limits, "gate" | "gatePerUser">): boolean {
  const { running, undownloaded, isFull } = question;
  if (limits.gate === "Never") return false;
  if (limits.gate === "WhenFull") return isFull && undownloaded > 0;
  return running + undownloaded >= limits.gatePerUser;
}
