/**
 * What arrives on a queue: for another tenant, not readable, or something to answer. Pure. A message is poison only where nobody could be
 * answered (rs-order.md §4.8): everything that has a tenant and a correlation id gets an answer, however wrong it is.
 */
import { createHash } from "node:crypto";
import type { Message } from "amqplib";
import { isStorable, STORABLE } from "#store/storable.ts";
import { MAX_BODY_BYTES } from "../http/body.ts";
import { HEADER } from "./names.ts";

export type Asked = {
  readonly kind: "asked";
  readonly body: Readonly<Record<string, unknown>>;
  readonly correlationId: string;
  /** The queue that the client named for its answers. */
  readonly replyTo?: string;
  /** The same for each delivery of the message, and for a copy of it. */
  readonly fingerprint: string;
  /** Of the client's program, and of the message, where it gave them. */
  readonly appId?: string;
  readonly priority?: number;
  /** Its place in a trace, where it has named one. */
  readonly traceparent?: string;
};

export type Incoming = { readonly kind: "foreign" } | { readonly kind: "poison"; readonly reason: string } | Asked;

/** Reads one message for the listener of `tenant`. */
export function readIncoming(message: Pick<Message, "content" | "properties">, tenant: string): Incoming {
  const { content, properties } = message;
  const addressed: unknown = properties.headers?.[HEADER.tenant];
  if (typeof addressed !== "string" || addressed === "") {
    return poison("Tenant cannot be found in header or message wrapper");
  }
  if (addressed !== tenant) return { kind: "foreign" };
  if (content.length > MAX_BODY_BYTES) {
    return poison(`Invalid message : ${content.length} bytes, at most ${MAX_BODY_BYTES} are read`);
  }
  const parsed = parse(content);
  if ("reason" in parsed) return poison(`Conversion failure : ${parsed.reason}`);
  const { value } = parsed;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return poison("Conversion failure : expected a JSON object");
  }
  const body = value as Readonly<Record<string, unknown>>;
  const { correlationId } = body;
  if (typeof correlationId !== "string" || correlationId === "") {
    return poison("Invalid message : correlationId is mandatory!");
  }
  if (!isStorable(correlationId)) return poison(`Invalid message : correlationId: ${STORABLE}`);
  const replyTo: unknown = properties.replyTo;
  const named = typeof replyTo === "string" && replyTo !== "" && { replyTo };
  return { kind: "asked", body, correlationId, ...named, ...sender(properties), fingerprint: fingerprint(message) };
}

function sender({
  appId,
  priority,
  headers,
}: Message["properties"]): Pick<Asked, "appId" | "priority" | "traceparent"> {
  const traceparent: unknown = headers?.[HEADER.traceparent];
  return {
    ...(typeof traceparent === "string" && { traceparent }),
    ...(typeof appId === "string" && appId !== "" && { appId }),
    ...(typeof priority === "number" && { priority }),
  };
}

function poison(reason: string): Incoming {
  return { kind: "poison", reason };
}

function parse(content: Buffer): { readonly value: unknown } | { readonly reason: string } {
  try {
    return { value: JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(content)) };
  } catch (error) {
    return { reason: error instanceof Error ? error.message.slice(0, 200) : "not JSON" };
  }
}

/** Producers of the contract set the time, so the same request sent again another day is told apart; a message id is better. */
function fingerprint({ content, properties }: Pick<Message, "content" | "properties">): string {
  const { messageId, timestamp, replyTo } = properties;
  const identity = JSON.stringify([messageId ?? null, timestamp ?? null, replyTo ?? null]);
  return createHash("sha256").update(identity).update("\0").update(content).digest("hex").slice(0, 40);
}

/** Why a client may not have its answers in this queue; undefined if it may. Nobody gets us to write into the platform's own queues. */
export function replyProblem(replyTo: string): string | undefined {
  if (!isStorable(replyTo)) return `A queue's name: ${STORABLE}`;
  return replyTo.startsWith("regards.") ? "A queue of the platform takes no answers" : undefined;
}
