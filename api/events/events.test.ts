/** Live events over real connections: nothing lost, nothing twice, nothing left behind by who goes away. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import pino from "pino";
import type { OrderStatusWord } from "#crds/files.ts";
import { notice, type OutboxMessage, recordProgress } from "#store/orders.ts";
import { ADA, type ApiWorld, apiWorld, BOB, PREFIX } from "#test/support/api-world.ts";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { type Served, serveApi } from "../http/serve.ts";
import { changeHub } from "./change-hub.ts";
import { followOrder } from "./follow-order.ts";

let world: ApiWorld;
let served: Served;
let token: string;
const open = new Set<AbortController>();
beforeAll(async () => {
  world = await apiWorld("api_events");
  served = await serveApi(world.app, { host: "127.0.0.1", port: 0 });
  token = await world.token(ADA);
});
afterEach(() => {
  for (const one of open) one.abort();
  open.clear();
});
afterAll(async () => {
  await served.stop({ withinMs: 200 });
  await world.close();
});

type Heard = { readonly id?: number; readonly event: string; readonly data: Record<string, unknown> };

async function answer(id: number, o: { last?: number | string; query?: string; as?: string } = {}) {
  const leave = new AbortController();
  open.add(leave);
  const response = await fetch(`${served.url}${PREFIX}/user/orders/${id}/events${o.query ?? ""}`, {
    headers: {
      authorization: `Bearer ${o.as ? await world.token(o.as) : token}`,
      ...(o.last !== undefined && { "last-event-id": String(o.last) }),
    },
    signal: leave.signal,
  });
  return { response, leave };
}

/** Listens until the stream ends or is left. */
async function listen(id: number, o: { last?: number; query?: string } = {}) {
  const { response, leave } = await answer(id, o);
  expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/event-stream; charset=utf-8"]);
  const heard: Heard[] = [];
  const over = (async () => {
    let text = "";
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      const blocks = text.split("\n\n");
      text = blocks.pop() ?? "";
      heard.push(...blocks.flatMap((block) => (block.startsWith(":") ? [] : [eventOf(block)])));
    }
  })().catch(() => {});
  const events = () => heard.filter(({ event }) => event !== "progress");
  return { heard, events, over, leave: () => leave.abort() };
}

function eventOf(block: string): Heard {
  const fields = Object.fromEntries(block.split("\n").map((line) => line.split(/: (.*)/s)));
  return {
    event: fields["event"] ?? "",
    data: JSON.parse(fields["data"] ?? "null"),
    ...(fields["id"] !== undefined && { id: Number(fields["id"]) }),
  };
}

async function tell(id: number, status: OrderStatusWord, messages: readonly OutboxMessage[]): Promise<void> {
  const model = { ...(await world.row(id)), status };
  await recordProgress(world.db, id, { model, messages, now: world.clock.now });
}

const done: OutboxMessage = { dedupKey: "final:0", kind: "DONE", payload: { status: "DONE" } };
const part = (n: number): OutboxMessage => ({
  dedupKey: `suborder:${n}:1`,
  kind: "SUBORDER_DONE",
  payload: { subOrderId: n },
});

describe("GET /user/orders/{id}/events", () => {
  test("tells what was told before, then what happens, and ends with the order", async () => {
    const { id } = await world.order([{ name: "a", content: "a" }]);
    const { heard, events, over } = await listen(id);
    await eventually("the first state", () => heard.length === 2);
    expect(heard[0]).toMatchObject({ event: "GRANTED", data: { status: "GRANTED", date: "2026-11-20T10:20:30.000Z" } });
    expect(heard[1]).toMatchObject({ event: "progress", data: { orderId: id, status: "RUNNING" } });
    await tell(id, "RUNNING", [part(1)]);
    await eventually("a part", () => events().length === 2);
    await tell(id, "DONE", [done]);
    await eventually("the end of the run", () => heard.at(-1)?.data["status"] === "DONE");
    await tell(id, "EXPIRED", [notice(await world.row(id), "EXPIRED")]);
    await over;
    expect(events().map(({ event }) => event)).toEqual(["GRANTED", "SUBORDER_DONE", "DONE", "EXPIRED"]);
    expect(heard.at(-1)).toMatchObject({ event: "progress", data: { status: "EXPIRED" } });
    const ids = events().map((event) => event.id ?? 0);
    expect(ids).toEqual(ids.toSorted((a, b) => a - b));
  });

  test("until=run ends with the run, and a browser that comes back is told that this was all", async () => {
    const { id } = await world.order([{ name: "a", content: "a" }]);
    const { events, over } = await listen(id, { query: "?until=run" });
    await tell(id, "DONE", [done]);
    await over;
    expect(events().map(({ event }) => event)).toEqual(["GRANTED", "DONE"]);
    const last = events().at(-1)?.id ?? 0;
    expect((await answer(id, { last, query: "?until=run" })).response.status).toBe(204);
    expect((await answer(id, { last, query: "" })).response.status).toBe(200);
  });

  test("a client that comes back again and again misses nothing and hears nothing twice, whoever writes meanwhile", async () => {
    const { id } = await world.order([{ name: "a", content: "a" }]);
    const total = 400;
    const write = async (writer: number) => {
      for (let n = writer; n < total; n += 4) await tell(id, "RUNNING", [part(n)]);
    };
    const writing = Promise.all([0, 1, 2, 3].map(write)).then(() => tell(id, "DONE", [done]));
    const ids: number[] = [];
    const names: unknown[] = [];
    for (let round = 0; names.at(-1) !== "DONE"; round++) {
      const { events, over, leave } = await listen(id, { last: ids.at(-1) ?? 0, query: "?until=run" });
      await Promise.race([over, eventually("something more", () => events().length > round % 7, LIMIT.slow)]);
      leave();
      await over;
      ids.push(...events().map((event) => event.id ?? 0));
      names.push(...events().map(({ event, data }) => data["subOrderId"] ?? event));
    }
    await writing;
    expect([names[0], names.length, new Set(names).size]).toEqual(["GRANTED", total + 2, total + 2]);
    expect(ids).toEqual(ids.toSorted((a, b) => a - b));
  }, 120_000);

  test("many follow over one connection to the database, which goes with the last of them", async () => {
    const { id } = await world.order([{ name: "a", content: "a" }]);
    const listeners = async () => {
      const [row] = await world.db<{ n: number }[]>`
        SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND query = 'SELECT 1' OR query LIKE 'LISTEN%'`;
      return row?.n ?? 0;
    };
    const before = await listeners();
    const all = await Promise.all(Array.from({ length: 40 }, () => listen(id)));
    await eventually("all are told", () => all.every(({ heard }) => heard.length > 0));
    expect((await listeners()) - before).toBe(1);
    await tell(id, "RUNNING", [part(1)]);
    await eventually("all hear it", () => all.every(({ events }) => events().length === 1));
    for (const { leave } of all) leave();
    await eventually("nobody listens", async () => (await listeners()) === before);
    // Who goes is no fault of the service.
    expect(world.logged.filter((line) => line.includes('"level":50'))).toEqual([]);
  });

  test("429 beyond 50 streams of one user, and room again once they are left", async () => {
    const { id } = await world.order([{ name: "a", content: "a" }]);
    const all = await Promise.all(Array.from({ length: 50 }, () => listen(id)));
    const { response } = await answer(id);
    expect(response.status).toBe(429);
    expect(response.headers.get("retry-after")).toBe("10");
    for (const { leave } of all) leave();
    await eventually("there is room", async () => {
      const again = await answer(id);
      again.leave.abort();
      return again.response.status === 200;
    });
  });

  test("404, 403 for others, 422 for what is no id", async () => {
    const { id } = await world.order([]);
    expect((await answer(999_999)).response.status).toBe(404);
    expect((await answer(id, { as: BOB })).response.status).toBe(403);
    const wrong = await answer(id, { last: "x" });
    expect([wrong.response.status, await wrong.response.json()]).toEqual([
      422,
      { messages: ["Last-Event-ID: expected the id of an event, got 'x'"] },
    ]);
    expect((await answer(id, { query: "?until=never" })).response.status).toBe(422);
  });

  test("streams end when the service stops", async () => {
    const { id } = await world.order([]);
    const stopping = new AbortController();
    const other = await serveApi(world.restarted({}, { stopping: stopping.signal }), { host: "127.0.0.1", port: 0 });
    const response = await fetch(`${other.url}${PREFIX}/user/orders/${id}/events`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const reader = response.body?.getReader();
    const first = await reader?.read();
    expect(Buffer.from(first?.value ?? []).toString()).toContain("event: progress");
    stopping.abort();
    expect((await reader?.read())?.done).toBe(true);
    await other.stop({ withinMs: 10_000 });
  });
});

describe("followOrder()", () => {
  const deps = () => ({ db: world.db, hub: changeHub(world.db), heartbeatMs: 20, longestMs: 60_000, logger: pino() });

  test("says that the line is there, stops at once when the client goes, and leaves nobody at the hub", async () => {
    const { id } = await world.order([]);
    const gone = new AbortController();
    const own = deps();
    const texts = followOrder(own, { orderId: id, after: 0, until: "departure", signal: gone.signal });
    expect((await texts.next()).value).toContain("event: progress");
    expect((await texts.next()).value).toBe(": still here\n\n");
    expect(own.hub.size).toBe(1);
    const next = texts.next();
    gone.abort();
    expect((await next).done).toBe(true);
    expect(own.hub.size).toBe(0);
  });

  test("lasts no longer than it may", async () => {
    const { id } = await world.order([]);
    const signal = new AbortController().signal;
    const texts = followOrder({ ...deps(), longestMs: 100 }, { orderId: id, after: 0, until: "departure", signal });
    const all = await Array.fromAsync(texts);
    expect(all[0]).toContain("event: progress");
  });

  test("ends where the order is removed", async () => {
    const signal = new AbortController().signal;
    expect(await Array.fromAsync(followOrder(deps(), { orderId: 0, after: 0, until: "departure", signal }))).toEqual(
      [],
    );
  });
});
