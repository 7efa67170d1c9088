/**
 * What a follower of an order is told, as server-sent events: every message of the order once and in its order, by id, and how the order stands
 * whenever that has changed. The database is looked at again after each wake-up, one page at a time and never before the client took the last one,
 * so a slow client costs a page of memory, and a wake-up that is lost costs a heartbeat of time.
 */
import { isGivenBack } from "#crds/files.ts";
import { type Bell, createBell } from "#kube/bell.ts";
import { pause } from "#kube/pause.ts";
import type { Db } from "#store/db.ts";
import { type OrderNews, type OrderRow, orderNews } from "#store/orders.ts";
import type { ChangeHub } from "./change-hub.ts";

export type Following = {
  readonly orderId: number;
  /** The last message that the client has. */
  readonly after: number;
  /** `run`: until the present run of the order has ended. `departure`: until it has expired or is deleted. */
  readonly until: "run" | "departure";
  /** The client has gone, or the service goes. */
  readonly signal: AbortSignal;
};

export type FollowDeps = {
  readonly db: Db;
  readonly hub: ChangeHub;
  readonly heartbeatMs: number;
  /** So many milliseconds and no longer: whoever comes back shows its token again. */
  readonly longestMs: number;
};

const PAGE = 500;
/** An order may change a thousand times a second; people read slower. */
const LOOK_AT_MOST_EVERY_MS = 250;

export async function* followOrder(deps: FollowDeps, o: Following): AsyncGenerator<string> {
  const bell = createBell();
  const unfollow = await deps.hub.follow(o.orderId, bell.ring);
  try {
    yield* tell(deps, o, bell);
  } finally {
    unfollow();
  }
}

async function* tell(deps: FollowDeps, o: Following, bell: Bell): AsyncGenerator<string> {
  const ends = performance.now() + deps.longestMs;
  let { after } = o;
  const progress = progressTeller();
  while (!o.signal.aborted && performance.now() < ends) {
    const news = await orderNews(deps.db, o.orderId, { after, limit: PAGE });
    if (news === undefined) return;
    after = news.events.at(-1)?.id ?? after;
    const text = news.events.map(eventText).join("") + progress(news);
    if (text !== "") yield text;
    if (news.more) continue;
    if (isLast(news, o.until)) return;
    yield* quiet(deps, o.signal, bell);
  }
}

/** Waits for something to tell, and says from time to time that the line is there. */
async function* quiet(deps: FollowDeps, signal: AbortSignal, bell: Bell): AsyncGenerator<string> {
  await pause(LOOK_AT_MOST_EVERY_MS, signal).catch(() => {});
  const isHeard = await bell.wait(deps.heartbeatMs, signal);
  if (!isHeard && !signal.aborted) yield ": still here\n\n";
}

/** How the order stands, when that is another than the last time; not in between pages of messages. */
function progressTeller(): (news: OrderNews) => string {
  let shown = "";
  return (news) => {
    const progress = JSON.stringify(progressOf(news.row));
    if (news.more || progress === shown) return "";
    shown = progress;
    return `event: progress\ndata: ${progress}\n\n`;
  };
}

/** Whether nothing follows that this follower waits for. */
export function isLast({ row, ended }: Pick<OrderNews, "row" | "ended">, until: Following["until"]): boolean {
  if (isGivenBack(row.status)) return true;
  return until === "run" && ended;
}

function eventText(event: OrderNews["events"][number]): string {
  const data = { ...event.payload, date: event.createdAt.toISOString() };
  return `id: ${event.id}\nevent: ${event.kind}\ndata: ${JSON.stringify(data)}\n\n`;
}

function progressOf(row: OrderRow) {
  return {
    orderId: row.id,
    status: row.status,
    percentCompleted: row.percentCompleted,
    files: row.files,
    bytes: row.bytes,
    subOrders: row.subOrders,
    waitingForUser: row.waitingForUser,
    ...(row.expirationTime && { expirationDate: row.expirationTime.toISOString() }),
    ...(row.message !== undefined && { message: row.message }),
  };
}
