/**
 * Brings one file's bytes from its source into staging, resuming where it stopped, and hashes them on the way.
 *
 *   open ──bytes──▶ copy ──end──▶ complete
 *     ▲               │ cut, stalled: resume at the byte reached (progress forgives earlier failures)
 *     └──back-off─────┘ refused for good: failed · 202 or a long Retry-After: notReady
 */

import type { HashName } from "#sources/checksum.ts";
import { safeUri } from "#sources/guard/rules.ts";
import type { Opened, Source, Validator } from "#sources/source.ts";
import { backoffMs, pause } from "../backoff.ts";
import { copy, type Sink } from "./copy.ts";
import { type Digested, Digests } from "./digests.ts";
import type { FetchPolicy } from "./policy.ts";

export type Transferred =
  | { readonly kind: "complete"; readonly digested: Digested }
  | { readonly kind: "notReady"; readonly retryAfterMs: number; readonly reason: string }
  | { readonly kind: "failed"; readonly reason: string };

export type TransferOptions = {
  readonly source: Source;
  readonly sink: Sink;
  readonly hash: HashName | undefined;
  /** Most bytes that are taken; one more ends the transfer. `reason` is told the length if the source announced it. */
  readonly limit: { readonly bytes: number; reason(announced: number | undefined): string } | undefined;
  /** The source's version of what is staged already. Without it and without `trustStaged`, staging starts empty. */
  readonly validator?: Validator;
  /** Staged bytes without a known version may be kept: the catalogue's checksum tells in the end. */
  readonly trustStaged: boolean;
  /** Told the source's version once, before the first byte is staged. */
  onVersion(validator: Validator): Promise<void>;
  readonly policy: FetchPolicy;
  readonly random: () => number;
  readonly signal: AbortSignal;
};

type Step =
  | Transferred
  | {
      readonly kind: "again";
      readonly reason: string;
      readonly waitMs?: number;
      readonly busy: boolean;
      readonly restart: boolean;
    };

/** Fetches `uri` into the sink. Throws only when the signal aborts or the sink (our own storage) fails. */
export async function transfer(uri: string, options: TransferOptions): Promise<Transferred> {
  const { policy, signal, sink } = options;
  const state = new TransferState(options);
  await state.begin();
  for (let failures = 0, turn = 0; ; turn++) {
    signal.throwIfAborted();
    const before = state.size;
    const step = await attempt(uri, { ...options, state, turn });
    if (step.kind !== "again") return step;
    if (step.restart && state.size > 0) {
      await sink.truncate();
      state.reset();
    }
    failures = state.size > before ? 1 : failures + 1;
    if (failures >= policy.tries) return exhausted(step, failures, policy);
    await pause(step.waitMs ?? backoffMs(failures, policy.backoff, options.random), signal);
  }
}

function exhausted(step: Extract<Step, { kind: "again" }>, failures: number, policy: FetchPolicy): Transferred {
  if (step.busy) return { kind: "notReady", retryAfterMs: policy.notReadyMs, reason: step.reason };
  return { kind: "failed", reason: `${step.reason} (${failures} tries)` };
}

/** What is staged so far: its digests and its version at the source. */
class TransferState {
  digests: Digests;
  validator: Validator | undefined;
  readonly #options: TransferOptions;

  constructor(options: TransferOptions) {
    this.#options = options;
    this.digests = new Digests(options.hash);
    this.validator = options.validator;
  }

  get size(): number {
    return this.digests.size;
  }

  /** Hashes what an earlier run left, or throws it away when nothing could tell whether it still fits. */
  async begin(): Promise<void> {
    const { sink, trustStaged, signal } = this.#options;
    if (sink.size === 0) return;
    if (this.validator === undefined && !trustStaged) return sink.truncate();
    for await (const chunk of sink.read()) {
      signal.throwIfAborted();
      this.digests.update(chunk);
    }
  }

  reset(): void {
    this.digests = new Digests(this.#options.hash);
    this.validator = undefined;
  }

  async sees(validator: Validator | undefined): Promise<void> {
    if (validator === undefined || validator === this.validator) return;
    this.validator = validator;
    await this.#options.onVersion(validator);
  }
}

type Attempt = TransferOptions & { readonly state: TransferState; readonly turn: number };

/** One request. Its own controller ends it when the source falls silent or the run stops; no listener outlives it. */
async function attempt(uri: string, options: Attempt): Promise<Step> {
  const { signal } = options;
  const stalled = new AbortController();
  const stop = () => stalled.abort(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  try {
    const opened = await open(uri, { ...options, stalled });
    if (!opened) return again(`Cannot reach '${safeUri(uri)}': no answer for ${options.policy.stallMs / 1000} s`);
    return opened.kind === "bytes"
      ? await receive(uri, opened, { ...options, stalled })
      : refused(opened, options.policy);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** The source's answer; undefined when there is none in time. */
async function open(uri: string, options: Attempt & { stalled: AbortController }): Promise<Opened | undefined> {
  const { state, policy, source, signal, turn, stalled } = options;
  const timer = setTimeout(() => stalled.abort(), policy.stallMs);
  try {
    const ifMatch = state.validator === undefined ? {} : { ifMatch: state.validator };
    return await source.open(uri, { offset: state.size, ...ifMatch, turn, signal: stalled.signal });
  } catch (error) {
    if (signal.aborted || !stalled.signal.aborted) throw error;
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

function refused(opened: Exclude<Opened, { kind: "bytes" }>, policy: FetchPolicy): Step {
  const wait = opened.retryAfterMs;
  if (opened.kind === "notReady") {
    return { kind: "notReady", retryAfterMs: wait ?? policy.notReadyMs, reason: opened.reason };
  }
  if (opened.permanent) return { kind: "failed", reason: opened.reason };
  if (wait !== undefined && wait > policy.longestWaitMs) {
    return { kind: "notReady", retryAfterMs: wait, reason: opened.reason };
  }
  return {
    ...again(opened.reason),
    busy: opened.busy === true,
    restart: opened.restart === true,
    ...(wait === undefined ? {} : { waitMs: wait }),
  };
}

async function receive(
  uri: string,
  opened: Extract<Opened, { kind: "bytes" }>,
  options: Attempt & { stalled: AbortController },
): Promise<Step> {
  const { state, sink, limit } = options;
  if (!opened.resumed && state.size > 0) {
    await sink.truncate();
    state.reset();
  }
  await state.sees(opened.validator);
  if (limit && (opened.total ?? 0) > limit.bytes) {
    await opened.stream.cancel();
    return { kind: "failed", reason: limit.reason(opened.total) };
  }
  const end = await copy(opened.stream, { ...options, digests: state.digests });
  switch (end.kind) {
    case "tooLong":
      return { kind: "failed", reason: limit?.reason(opened.total) ?? "" };
    case "cut":
      return again(`Cannot fetch '${safeUri(uri)}': ${end.reason} after ${state.size} bytes`);
    case "end":
      if (opened.total !== undefined && state.size < opened.total) {
        return again(`Cannot fetch '${safeUri(uri)}': it ended after ${state.size} of ${opened.total} bytes`);
      }
      return { kind: "complete", digested: state.digests.finish() };
    default:
      return end satisfies never;
  }
}

function again(reason: string): Extract<Step, { kind: "again" }> {
  return { kind: "again", reason, busy: false, restart: false };
}
