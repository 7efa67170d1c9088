/**
 * A connection to the broker that is made again whenever it is lost. amqplib's own recovery is not used: it neither brings back channels that the
 * server closed nor consumers that it cancelled, and a connection that went silent it may report as an error alone. Here any of these ends the
 * session, and a new session on a new connection begins, after a pause that grows.
 */
import { Duplex } from "node:stream";
import { type ChannelModel, connect } from "amqplib";
import type { Logger } from "pino";
import { backoffMs, limited, pause } from "#kube/pause.ts";

export type Link = {
  readonly connection: ChannelModel;
  /** Aborted when the connection is lost or given up. */
  readonly lost: AbortSignal;
  /** The broker takes no publishes now (memory or disk alarm). */
  blocked(): boolean;
  /** Ends the session, for a new one: something on this connection is broken. */
  fail(error: Error): void;
};

export type LinkOptions = {
  readonly url: string;
  /** Shown in the broker's list of connections. */
  readonly name: string;
  /** A peer that is silent for twice this long counts as lost. */
  readonly heartbeatSeconds: number;
  readonly random: () => number;
  readonly logger: Logger;
  readonly signal: AbortSignal;
};

const PAUSES = { firstMs: 100, longestMs: 10_000 };
const CONNECT_LIMIT_MS = 15_000;
const CLOSE_LIMIT_MS = 2_000;
/** A session that lived this long was no failure of connecting. */
const STABLE_MS = 5_000;

/** Runs `session` on one connection after another until the signal aborts. A session lasts until its promise settles or its link is lost. */
export async function keepConnected(options: LinkOptions, session: (link: Link) => Promise<void>): Promise<void> {
  const { signal, logger, name } = options;
  let failures = 0;
  while (!signal.aborted) {
    const began = performance.now();
    try {
      await oneSession(options, session);
    } catch (error) {
      if (signal.aborted) return;
      failures = performance.now() - began > STABLE_MS ? 1 : failures + 1;
      const ms = backoffMs(failures, { ...PAUSES, random: options.random });
      logger.warn({ err: error, link: name, retryInMs: Math.round(ms) }, "the link to the broker is lost");
      await pause(ms, signal).catch(() => {});
    }
  }
}

async function oneSession(options: LinkOptions, session: (link: Link) => Promise<void>): Promise<void> {
  const connection = await open(options);
  const lost = new AbortController();
  let blocked = false;
  const fail = (error: Error) => lost.abort(error);
  const failed = new Promise<never>((_, reject) => {
    lost.signal.addEventListener("abort", () => reject(lost.signal.reason), { once: true });
  });
  failed.catch(() => {});
  connection.on("error", fail);
  connection.on("close", (error?: Error) => fail(error ?? new Error("The broker closed the connection")));
  connection.on("blocked", (reason: string) => {
    blocked = true;
    options.logger.warn({ link: options.name, reason }, "the broker takes no messages now");
  });
  connection.on("unblocked", () => {
    blocked = false;
    options.logger.info({ link: options.name }, "the broker takes messages again");
  });
  try {
    await Promise.race([session({ connection, lost: lost.signal, blocked: () => blocked, fail }), failed]);
  } finally {
    await close(connection);
    fail(new Error("The session is over"));
  }
}

/** A connection that is made after the limit all the same is closed at once. */
async function open(options: LinkOptions): Promise<ChannelModel> {
  const url = new URL(options.url);
  url.searchParams.set("heartbeat", String(options.heartbeatSeconds));
  const connecting = connect(url.href, {
    noDelay: true,
    timeout: CONNECT_LIMIT_MS,
    clientProperties: { connection_name: options.name },
  });
  try {
    return await limited(CONNECT_LIMIT_MS, [options.signal], (signal) => race(connecting, signal));
  } catch (error) {
    connecting.then(close).catch(() => {});
    throw error;
  }
}

/**
 * Asks for an orderly end, waits for it only a little: an answer may never come. Then the socket goes for sure (amqplib has no call for that):
 * what is still buffered in it must not be sent later.
 */
async function close(connection: ChannelModel): Promise<void> {
  connection.on("error", () => {});
  await limited(CLOSE_LIMIT_MS, [], (signal) => race(connection.close(), signal)).catch(() => {});
  const stream: unknown = Reflect.get(connection.connection, "stream");
  if (stream instanceof Duplex) stream.destroy();
}

/** The promise's outcome, or the signal's reason as soon as it aborts. */
export async function race<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** Resolves when one of them aborts. */
export async function either(...signals: readonly AbortSignal[]): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const signal of signals) {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
    }
  });
}
