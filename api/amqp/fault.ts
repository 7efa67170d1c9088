/**
 * Whose fault an error is while a message is handled. The environment's (database or Kubernetes away) passes: the message waits for it. The message's
 * own (PostgreSQL cannot store such data), or a defect of ours that it meets, does not pass: after some tries the message is put aside.
 */
import { HttpProblem } from "../http/problem.ts";

export type Fault = "environment" | "message" | "unknown";

/** SQLSTATE classes of data that cannot be stored, whoever asks: data exception, program limit exceeded. */
const OF_THE_MESSAGE: readonly string[] = ["22", "54"];
const SQLSTATE = /^[0-9A-Z]{5}$/;
/** Of sockets and of postgres.js, such as ECONNREFUSED, CONNECTION_CLOSED. */
const OF_THE_CONNECTION = /^(?:E[A-Z]{3,}|CONNECT(?:ION)?_[A-Z_]+)$/;

export function faultOf(error: unknown): Fault {
  if (error instanceof HttpProblem) return error.status >= 500 ? "environment" : "unknown";
  const code: unknown = (error as { code?: unknown } | null)?.code;
  if (typeof code !== "string") return "unknown";
  if (OF_THE_CONNECTION.test(code)) return "environment";
  if (!SQLSTATE.test(code)) return "unknown";
  return OF_THE_MESSAGE.includes(code.slice(0, 2)) ? "message" : "environment";
}
