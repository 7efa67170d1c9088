/** `GET /user/orders/{id}/events`: an order as it happens, for browsers (`EventSource`), programs and `curl -N`. Ends with the order, or at an abort. */
import type { Logger } from "pino";
import type { Db } from "#store/db.ts";
import { orderNews } from "#store/orders.ts";
import { type Call, type Handler, idParam } from "../http/call.ts";
import { HttpProblem } from "../http/problem.ts";
import { respond } from "../http/respond.ts";
import { cutConnection, onAnswerOver } from "../http/sent.ts";
import { orderToRead } from "../orders/access.ts";
import type { ChangeHub } from "./change-hub.ts";
import { type FollowDeps, type Following, followOrder, isLast } from "./follow-order.ts";

export type EventDeps = {
  readonly db: Db;
  readonly hub: ChangeHub;
  readonly logger: Logger;
  /** The service goes: its streams end, and their clients come back elsewhere. */
  readonly stopping?: AbortSignal;
  readonly heartbeatMs?: number;
};

const HEARTBEAT_MS = 15_000;
const LONGEST_MS = 3_600_000;
const MOST_OF_A_USER = 50;

const HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  // Proxies that gather an answer would hold it back for ever.
  "x-accel-buffering": "no",
};

export function orderEvents(deps: EventDeps): Handler {
  const open = new Map<string, number>();
  const follow = { ...deps, heartbeatMs: deps.heartbeatMs ?? HEARTBEAT_MS, longestMs: LONGEST_MS };
  return async (call) => {
    const order = await orderToRead(deps.db, call.principal, idParam(call, "orderId"));
    const after = lastEventId(call.request.headers.get("last-event-id"));
    const until = untilWhen(call.query.get("until"));
    const news = await orderNews(deps.db, order.id, { after, limit: 1 });
    // To a browser that comes back after the end, 204 says: no more.
    if (news && news.events.length === 0 && isLast(news, until)) return respond(204, null);
    const { email } = call.principal;
    const mine = open.get(email) ?? 0;
    if (mine >= MOST_OF_A_USER) {
      throw new HttpProblem(429, [`Cannot follow order ${order.id}: ${mine} streams of yours are open`], {
        "retry-after": "10",
      });
    }
    open.set(email, mine + 1);
    const ended = () => {
      const left = (open.get(email) ?? 1) - 1;
      if (left > 0) open.set(email, left);
      else open.delete(email);
    };
    return respond(200, body(follow, call, { orderId: order.id, after, until, ended }), HEADERS);
  };
}

function lastEventId(text: string | null): number {
  if (text === null || text === "") return 0;
  if (!/^\d{1,15}$/.test(text)) {
    throw new HttpProblem(422, [`Last-Event-ID: expected the id of an event, got '${text.slice(0, 64)}'`]);
  }
  return Number(text);
}

function untilWhen(text: string | null): Following["until"] {
  if (text === null || text === "departure") return "departure";
  if (text === "run") return text;
  throw new HttpProblem(422, [`until: expected one of run, departure, got '${text.slice(0, 64)}'`]);
}

/** Pulls: the next page is read when the client has taken the last. A wait is broken off as soon as the client goes. */
function body(
  deps: FollowDeps & EventDeps,
  { request }: Call,
  o: Omit<Following, "signal"> & { readonly ended: () => void },
): ReadableStream<Uint8Array> {
  const gone = new AbortController();
  const leave = () => gone.abort();
  const signals = [request.signal, deps.stopping].filter((signal) => signal !== undefined);
  for (const signal of signals) signal.addEventListener("abort", leave, { once: true });
  if (signals.some((signal) => signal.aborted)) leave();
  const texts = followOrder(deps, { ...o, signal: gone.signal });
  let isOver = false;
  // Its reader has gone: nothing may be put into the stream any more, not even its end.
  let isLeft = false;
  const over = () => {
    if (isOver) return;
    isOver = true;
    for (const signal of signals) signal.removeEventListener("abort", leave);
    o.ended();
  };
  // Also when the body was never asked for.
  onAnswerOver(request, () => {
    leave();
    over();
  });
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { value, done } = await texts.next();
          if (isLeft) return;
          if (!done) return controller.enqueue(Buffer.from(value));
          over();
          controller.close();
        } catch (error) {
          over();
          deps.logger.error({ err: error, orderId: o.orderId }, "a stream of events was cut: its source failed");
          // The client comes back with the id of the last event that it has.
          if (!cutConnection(request)) controller.error(error);
        }
      },
      async cancel() {
        isLeft = true;
        leave();
        over();
        await texts.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}
