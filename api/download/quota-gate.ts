/**
 * The door to downloads for a user's quotas: counts the files asked for and holds one of the user's places while the bytes go out. Places are rows,
 * shared by all API processes; a process says of its downloads that they still move, so the places of a dead one fall free by themselves.
 */
import type { Logger } from "pino";
import type { Db } from "#store/db.ts";
import { type Begun, beginDownload, endDownload, keepDownloads, STALLED_MS } from "#store/quotas.ts";
import { HttpProblem } from "../http/problem.ts";
import { afterAnswer, whenClosed } from "../http/sent.ts";

const BEAT_MS = STALLED_MS / 4;
/** When a client refused for its rate may ask again. */
const RETRY_SECONDS = 10;

export type QuotaGateDeps = {
  readonly db: Db;
  readonly now: () => Date;
  readonly logger: Logger;
  /** How often it is said which downloads move; several times before a place runs out, unless told. */
  readonly beatMs?: number;
};

export type Entrance = {
  readonly request: Request;
  /** Who downloads, and whose quota it is. */
  readonly email: string;
  readonly orderId: number;
  /** The files whose bytes the request asks for. */
  readonly fileIds: readonly number[];
};

/** Passes the bytes on; must be given them, or its place stays taken until it runs out. */
export type Passage = (bytes: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;

export type QuotaGate = {
  /** Throws 429 in the contract's words where the user's quotas do not allow the download. */
  enter(entrance: Entrance): Promise<Passage>;
};

export function quotaGate(deps: QuotaGateDeps): QuotaGate {
  const places = heldPlaces(deps);
  return {
    async enter(entrance) {
      const id = crypto.randomUUID();
      const { request, ...download } = entrance;
      const begun = await beginDownload(deps.db, { ...download, id, now: deps.now() });
      if (begun.kind !== "begun") throw refusal(begun, entrance.email);
      return begun.running ? places.hold({ id, email: entrance.email, request }) : (bytes) => bytes;
    },
  };
}

function refusal(begun: Exclude<Begun, { kind: "begun" }>, email: string): HttpProblem {
  const what = begun.kind === "quotaExceeded" ? "quota" : "rate";
  const message = `Download ${what} of ${begun.limit} exceeded (by ${begun.by}) for user ${email}.`;
  return begun.kind === "quotaExceeded"
    ? new HttpProblem(429, [message, `Files that count: ${begun.fresh} asked for, ${begun.left} left`])
    : new HttpProblem(429, [message], { "retry-after": `${RETRY_SECONDS}` });
}

type Place = { readonly id: string; readonly email: string; readonly request: Request };

function heldPlaces(deps: QuotaGateDeps) {
  const moved = new Map<string, Place>();
  const held = new Set<string>();
  let beating = Promise.resolve();
  let timer: ReturnType<typeof setInterval> | undefined;

  const beat = async () => {
    const moving = [...moved.values()].map(({ id, email }) => ({ id, email }));
    moved.clear();
    if (moving.length > 0) await keepDownloads(deps.db, moving, { now: deps.now() });
  };
  const told = (error: unknown) => deps.logger.warn({ err: error }, "cannot keep the places of downloads");
  const start = () => {
    timer ??= setInterval(() => {
      beating = beating.then(beat).catch(told);
    }, deps.beatMs ?? BEAT_MS).unref();
  };
  /** After a beat that is under way: it would bring the place back. */
  const leave = async (place: Place) => {
    if (!held.delete(place.id)) return;
    moved.delete(place.id);
    if (held.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
    await beating;
    await endDownload(deps.db, place.id).catch(told);
  };

  return {
    hold(place: Place): Passage {
      held.add(place.id);
      start();
      const closed = whenClosed(place.request);
      if (closed !== undefined) afterAnswer(closed.then(() => leave(place)));
      return async function* pass(bytes) {
        try {
          for await (const chunk of bytes) {
            if (held.has(place.id)) moved.set(place.id, place);
            yield chunk;
          }
        } finally {
          if (closed === undefined) await leave(place);
        }
      };
    },
  };
}
