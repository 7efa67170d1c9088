/**
 * Watches bytes on their way to a client, and tells once how it ended. Nothing is concluded from a download that the client broke off:
 * what it got of the last megabytes cannot be known. It counts as sent, for the request that goes on from there, and marks nothing.
 */
import type { Logger } from "pino";
import { afterAnswer, cutConnection, whenSent } from "../http/sent.ts";
import { streamOf } from "./zip/stream.ts";

export type DeliveryEnd = {
  /** Bytes that went out. */
  readonly sent: number;
  /** The client took all that it asked for. */
  readonly whole: boolean;
};

export type Delivery = {
  readonly request: Request;
  readonly length: number;
  readonly logger: Logger;
  /** Called once; its failure is logged, the answer has gone by then. */
  ended(end: DeliveryEnd): Promise<void>;
};

/** The body of an answer. A source that fails cuts the connection, so that the client does not take the part for the whole. */
export function deliver(bytes: AsyncGenerator<Uint8Array>, delivery: Delivery): ReadableStream<Uint8Array> {
  return streamOf(watched(bytes, delivery));
}

async function* watched(bytes: AsyncGenerator<Uint8Array>, delivery: Delivery): AsyncGenerator<Uint8Array> {
  let sent = 0;
  let over = false;
  try {
    for await (const chunk of bytes) {
      yield chunk;
      sent += chunk.length;
    }
    over = true;
  } catch (error) {
    delivery.logger.error({ err: error }, "a download was cut: its source failed");
    if (!cutConnection(delivery.request)) throw error;
  } finally {
    afterAnswer(conclude(delivery, { sent, over }));
  }
}

async function conclude(delivery: Delivery, o: { sent: number; over: boolean }): Promise<void> {
  try {
    const whole = o.over && o.sent === delivery.length && (await whenSent(delivery.request));
    await delivery.ended({ sent: o.sent, whole });
  } catch (error) {
    delivery.logger.error({ err: error }, "cannot record a download");
  }
}
