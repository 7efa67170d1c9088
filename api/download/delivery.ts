/**
 * Watches bytes on their way to a client, and tells once how it ended. Nothing is concluded from a download that the client broke off:
 * what it got of the last megabytes cannot be known. It counts as sent, for the request that goes on from there, and marks nothing.
 */
import type { Logger } from "pino";
import { type Chunks, lendingBody } from "../http/lent.ts";
import { afterAnswer, cutConnection, whenSent } from "../http/sent.ts";
import { leaseBuffer } from "./buffers.ts";

export type DeliveryEnd = {
  /** Bytes that went out. */
  readonly sent: number;
  /** The client took all that it asked for. */
  readonly whole: boolean;
};

export type Delivery = {
  readonly request: Request;
  /** How many bytes make it whole, where that is known. */
  readonly length?: number;
  readonly logger: Logger;
  /** Called before the bytes up to there go out, counted from the first of the answer. */
  ahead?(sent: number): Promise<void>;
  /** Called once; its failure is logged, the answer has gone by then. */
  ended(end: DeliveryEnd): Promise<void>;
};

/** Makes the bytes of an answer, by way of the buffer if there is one: then each chunk is sent before the next is asked for. */
export type MakeBytes = (buffer: Buffer | undefined) => AsyncIterable<Uint8Array>;

/** The body of an answer. A source that fails cuts the connection, so that the client does not take the part for the whole. */
export function deliver(bytes: MakeBytes, delivery: Delivery): ReadableStream<Uint8Array> {
  return lendingBody(delivery.request, (lend) => watched(bytes, lend, delivery));
}

async function* watched(bytes: MakeBytes, lend: boolean, delivery: Delivery): Chunks {
  const lease = lend ? leaseBuffer() : undefined;
  let sent = 0;
  let over = false;
  try {
    for await (const chunk of bytes(lease?.buffer)) {
      await delivery.ahead?.(sent + chunk.length);
      yield chunk;
      sent += chunk.length;
    }
    over = true;
  } catch (error) {
    if (!delivery.request.signal.aborted) {
      delivery.logger.error({ err: error }, "a download was cut: its source failed");
    }
    if (!cutConnection(delivery.request)) throw error;
  } finally {
    lease?.release();
    afterAnswer(conclude(delivery, { sent, over }));
  }
}

async function conclude(delivery: Delivery, o: { sent: number; over: boolean }): Promise<void> {
  try {
    const { request, length = o.sent } = delivery;
    const whole = o.over && o.sent === length && (await whenSent(request));
    await delivery.ended({ sent: o.sent, whole });
  } catch (error) {
    delivery.logger.error({ err: error }, "cannot record a download");
  }
}
