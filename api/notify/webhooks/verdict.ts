/**
 * What an answer of a webhook's receiver means for the message and for the webhook. An answer that says that the receiver is not there or busy
 * puts off everything for it; any other refusal concerns this message alone, and what follows in its order. Pure.
 */
import { backoffMs } from "#kube/pause.ts";

export type Outcome =
  | { readonly kind: "answered"; readonly status: number; readonly retryAfterMs?: number }
  | { readonly kind: "unreachable"; readonly reason: string };

export type Verdict =
  | { readonly kind: "delivered"; readonly status: number }
  /** The receiver wants no more, ever. */
  | { readonly kind: "gone"; readonly error: string }
  | {
      readonly kind: "failed";
      /** Pause of this message. */
      readonly seconds: number;
      /** Pause of the webhook. */
      readonly restSeconds?: number;
      readonly status?: number;
      readonly error: string;
    };

const MESSAGE_PAUSES = { firstMs: 5_000, longestMs: 3_600_000 };
const WEBHOOK_PAUSES = { firstMs: 1_000, longestMs: 600_000 };
const GONE = 410;
const NOT_THERE: readonly number[] = [408, 429, 502, 503, 504];

export type Tries = {
  /** Of this message, this one included. */
  readonly attempts: number;
  /** Of the webhook before this one, that did not reach it. */
  readonly failures: number;
  readonly random: () => number;
};

export function judge(outcome: Outcome, { attempts, failures, random }: Tries): Verdict {
  const restMs = () => backoffMs(failures + 1, { ...WEBHOOK_PAUSES, random });
  if (outcome.kind === "unreachable") {
    const restSeconds = restMs() / 1000;
    return { kind: "failed", seconds: restSeconds, restSeconds, error: outcome.reason };
  }
  const { status, retryAfterMs = 0 } = outcome;
  if (status >= 200 && status < 300) return { kind: "delivered", status };
  const error = `The receiver answered ${status}`;
  if (status === GONE) return { kind: "gone", error: `${error} (Gone)` };
  if (NOT_THERE.includes(status)) {
    const restSeconds = Math.max(restMs(), retryAfterMs) / 1000;
    return { kind: "failed", seconds: restSeconds, restSeconds, status, error };
  }
  const isRedirect = status >= 300 && status < 400;
  const seconds = Math.max(backoffMs(attempts, { ...MESSAGE_PAUSES, random }), retryAfterMs) / 1000;
  return { kind: "failed", seconds, status, error: isRedirect ? `${error}: redirects are not followed` : error };
}
