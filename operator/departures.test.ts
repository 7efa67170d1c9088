/** What becomes of an order whose resource is gone: deleted by somebody, gone with its namespace, or left behind in another cluster. */
import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { NAMESPACES } from "#kube/kinds.ts";
import { resourceApi } from "#kube/resource.ts";
import type { Transport } from "#kube/transport.ts";
import { findOrder, findOrderByKey, insertOrder, type OrderRow } from "#store/orders.ts";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { ADA, type OperatorWorld, operatorWorld, quiet, someProducts } from "#test/support/operator-world.ts";

setDefaultTimeout(2 * LIMIT.slow);
const NAMESPACE = "tenant";
/** Longer than a sweep and what follows from it. */
const SWEEPS_MS = 1_000;
const CONFIG = { sweepSeconds: 0.2, awaySeconds: 0 };
const MINUTE_MS = 60_000;
let nextId = 1;

async function aWorld(label: string): Promise<OperatorWorld> {
  return await operatorWorld(label, { namespace: NAMESPACE, config: CONFIG });
}

/** An order with one file there and one whose source never answers. */
async function halfDone(world: OperatorWorld, name: string, spec = {}): Promise<OrderRow> {
  world.products.push(...someProducts(name, 2, { firstId: nextId }));
  nextId += 2;
  await world.apply(name, spec);
  const isHalfDone = async () => {
    const row = await world.row(name);
    return row.files.available === 1 ? row : undefined;
  };
  return await eventually(`one file of ${name} is there`, isHalfDone, LIMIT.slow);
}

async function done(world: OperatorWorld, name: string, spec = {}): Promise<OrderRow> {
  world.products.push(...someProducts(name, 1, { firstId: nextId++ }));
  await world.apply(name, spec);
  await world.until(name, "AllFilesAvailable");
  return await world.row(name);
}

const hangAtTheEnd: OperatorWorld["source"]["answer"] = ({ filename }) =>
  filename.endsWith("-1.dat") ? "hang" : "give";

/** Nothing is left of what a deleted order held, but its row and what was told. */
async function isGivenBack(world: OperatorWorld, { id, resourceName }: OrderRow): Promise<void> {
  const isEmptied = async () => {
    const now = await findOrder(world.db, id);
    if (now?.emptied) return now;
    throw new Error(JSON.stringify(now));
  };
  const row = await eventually(`all of ${resourceName} is given back`, isEmptied, LIMIT.slow);
  expect(row).toMatchObject({ status: "DELETED", purged: true, files: { pending: 0, available: 0 } });
  expect(await world.db`SELECT FROM order_files WHERE order_id = ${id}`).toHaveLength(0);
  const left = [...(await world.subOrders.list()).items, ...(await world.jobs.list()).items];
  expect(left.filter(({ metadata }) => metadata.labels?.["order.regards.io/order"] === String(id))).toEqual([]);
}

describe("somebody deletes the resource", () => {
  let world: OperatorWorld;
  beforeAll(async () => {
    world = await aWorld("departures");
  });
  afterAll(() => world.stop());
  beforeEach(() => {
    world.source.answer = hangAtTheEnd;
  });

  test("while the operator is away: its work is stopped, its requester told, its files given back", async () => {
    const operator = world.start();
    const running = await halfDone(world, "away");
    const finished = await done(world, "away-done");
    await operator.stop();
    await world.orders.delete("away");
    await world.orders.delete("away-done");
    const next = world.start();
    await isGivenBack(world, running);
    await isGivenBack(world, finished);
    expect(await world.outbox(running.id)).toEqual(["granted", "final:0", "deleted"]);
    expect(await world.outbox(finished.id)).toEqual(["granted", "suborder:1:1", "final:0", "deleted"]);
    await next.stop();
  });

  test("and makes another of the same name at once: each is itself", async () => {
    const operator = world.start();
    const first = await halfDone(world, "twice");
    await world.orders.delete("twice");
    world.source.answer = () => "give";
    await world.apply("twice");
    await world.until("twice", "AllFilesAvailable");
    const second = await world.row("twice");
    expect(second.id).not.toBe(first.id);
    await isGivenBack(world, first);
    expect(await findOrder(world.db, second.id)).toMatchObject({ status: "DONE", files: { available: 2 } });
    await operator.stop();
  });

  test("but leaves its SubOrders behind: they are taken away too", async () => {
    const operator = world.start();
    const row = await halfDone(world, "orphaned");
    // As the garbage collector does for `--cascade=orphan`, before the owner goes.
    await world.subOrders.patch("orphaned-1", { metadata: { ownerReferences: null } });
    await world.orders.delete("orphaned");
    await isGivenBack(world, row);
    await operator.stop();
  });

  test("which was made for a row, before the operator has seen it: it is not made again", async () => {
    world.products.push(...someProducts("unseen", 1, { firstId: nextId++ }));
    const spec = { owner: ADA, selections: [{ query: "unseen" }], suspend: false, retry: 0 };
    const now = new Date(world.now().getTime() - 60_000);
    const namespace = await resourceApi(world.transport, NAMESPACES).get(NAMESPACE);
    const resource = { name: "unseen", uid: "seen-by-nobody", namespaceUid: namespace?.metadata.uid ?? "" };
    const order = { owner: ADA, spec, role: "REGISTERED_USER", groups: [], channel: "rest", now, resource } as const;
    const made = await insertOrder(world.db, order);
    if (made.kind !== "created") throw new Error("Cannot make the row");
    const operator = world.start();
    await isGivenBack(world, made.row);
    expect(await world.orders.get("unseen")).toBeUndefined();
    await operator.stop();
  });

  test("while two operators act: it is told once", async () => {
    const operators = [world.start(), world.start()];
    const row = await halfDone(world, "rivals");
    await world.orders.delete("rivals");
    await isGivenBack(world, row);
    await quiet(world, SWEEPS_MS);
    expect(await findOrder(world.db, row.id)).toMatchObject({ status: "DELETED", emptied: true });
    expect(await world.outbox(row.id)).toEqual(["granted", "final:0", "deleted"]);
    await Promise.all(operators.map((operator) => operator.stop()));
  });

  test("only in a list that an API server gives out stale: the order goes on", async () => {
    const first = world.start();
    const row = await halfDone(world, "stale");
    await first.stop();
    const stale = listingAllBut(world.transport, "stale");
    const operator = world.start(stale);
    await operator.ready;
    await quiet(world, SWEEPS_MS);
    expect(stale.hidden).not.toEqual([]);
    expect(await findOrder(world.db, row.id)).toMatchObject({ status: "RUNNING", purged: false });
    world.source.answer = () => "give";
    await world.orders.patch("stale", { metadata: { labels: { looked: "again" } } });
    await world.until("stale", "AllFilesAvailable");
    await operator.stop();
  });
});

/** The server's lists of orders are from before that one was made. */
function listingAllBut(real: Transport, name: string): { readonly transport: Transport; readonly hidden: string[] } {
  const hidden: string[] = [];
  const transport: Transport = {
    ...real,
    async fetch(path, init) {
      const response = await real.fetch(path, init);
      if (!/\/orders\?/.test(path) || path.includes("watch=true")) return response;
      const list = (await response.json()) as { items: { metadata: { name: string } }[] };
      const items = list.items.filter(({ metadata }) => metadata.name !== name);
      if (items.length < list.items.length) hidden.push(path);
      return Response.json({ ...list, items });
    },
  };
  return { transport, hidden };
}

describe("the namespace goes", () => {
  test(
    "with running and finished orders, and an operator beside it: it ends, no order is told of anything, and all are there again in the next",
    async () => {
      const world = await aWorld("departures_namespace");
      try {
        world.source.answer = hangAtTheEnd;
        world.start();
        const running = await halfDone(world, "running");
        const finished = await done(world, "finished");
        const paused = await halfDone(world, "paused");
        await world.orders.patch("paused", { spec: { suspend: true } });
        await world.until("paused", "Suspended");
        const namespaces = resourceApi(world.transport, NAMESPACES);
        await namespaces.delete(NAMESPACE);
        await eventually("it is gone", async () => (await namespaces.get(NAMESPACE)) === undefined, LIMIT.slow);
        await quiet(world, SWEEPS_MS);
        expect(await findOrder(world.db, running.id)).toMatchObject({ status: "RUNNING", files: { available: 1 } });
        expect(await findOrder(world.db, finished.id)).toMatchObject({ status: "DONE", files: { available: 1 } });
        expect(await world.outbox(running.id)).toEqual(["granted"]);
        world.source.answer = () => "give";
        world.pass(MINUTE_MS);
        await namespaces.create({ metadata: { name: NAMESPACE } });
        await world.until("running", "AllFilesAvailable");
        await world.until("finished", "AllFilesAvailable");
        await world.until("paused", "Suspended");
        for (const { id, owner, correlationId } of [running, finished, paused]) {
          expect((await findOrderByKey(world.db, owner, correlationId))?.id).toBe(id);
        }
        expect(await world.outbox(running.id)).toEqual(["granted", "suborder:1:1", "final:0"]);
        expect(await world.outbox(finished.id)).toEqual(["granted", "suborder:1:1", "final:0"]);
      } finally {
        await world.stop();
      }
    },
    2 * LIMIT.slow,
  );
});

describe("the database is restored beside an empty cluster", () => {
  let before: OperatorWorld;
  let after: OperatorWorld;
  let rows: Record<string, OrderRow>;
  beforeAll(async () => {
    before = await aWorld("departures_restored");
    before.source.answer = hangAtTheEnd;
    const operator = before.start();
    rows = {
      running: await halfDone(before, "running", { correlationId: "mine" }),
      finished: await done(before, "finished"),
      doomed: await done(before, "doomed"),
      namesake: await done(before, "namesake"),
    };
    await before.orders.patch("doomed", { spec: { shutdown: "Delete" } });
    const doomedId = rows["doomed"]?.id ?? 0;
    await eventually("doomed is gone", async () => (await findOrder(before.db, doomedId))?.emptied, LIMIT.slow);
    await operator.stop();
    // Nobody who has just asked for them can be about to make their resources.
    await before.db`UPDATE orders SET created_at = created_at - interval '1 minute'`;
    after = await operatorWorld("departures_after", { namespace: NAMESPACE, config: CONFIG, restoredFrom: before });
  });
  afterAll(async () => {
    await after.stop();
    await before.stop();
  });

  test("while the cluster before may still live nothing is moved", async () => {
    const operator = after.start({}, { awaySeconds: 3_600 });
    await operator.ready;
    await quiet(after, SWEEPS_MS);
    expect((await after.orders.list()).items).toEqual([]);
    const { id, resourceUid = "", namespaceUid = "" } = rows["running"] as OrderRow;
    expect(await findOrder(after.db, id)).toMatchObject({ status: "RUNNING", resourceUid, namespaceUid });
    await operator.stop();
  });

  test("once it is silent every order that is not gone for good has its resource again, goes on, and is told of nothing twice", async () => {
    await after.apply("namesake");
    const operator = after.start();
    const renamed = `order-${rows["namesake"]?.id}`;
    for (const name of ["running", "finished", "namesake", renamed]) await after.until(name, "AllFilesAvailable");
    expect((await after.row("namesake")).id).not.toBe(rows["namesake"]?.id ?? 0);
    expect((await after.row(renamed)).id).toBe(rows["namesake"]?.id ?? 0);
    const names = (await after.orders.list()).items.map(({ metadata }) => metadata.name);
    expect(names.toSorted()).toEqual(["finished", "namesake", renamed, "running"]);
    expect(await after.outbox(rows["running"]?.id ?? 0)).toEqual(["granted", "suborder:1:1", "final:0"]);
    expect((await after.row("running")).id).toBe(rows["running"]?.id ?? 0);
    expect(await quiet(after, SWEEPS_MS)).toEqual([]);
    await after.orders.delete("finished");
    await isGivenBack(after, rows["finished"] as OrderRow);
    await operator.stop();
  });

  test("rows from before the namespace was remembered stay with the resources that are there", async () => {
    await after.db`UPDATE orders SET namespace_uid = NULL`;
    const operator = after.start();
    const { id, resourceUid } = rows["running"] as OrderRow;
    await eventually("its namespace is known", async () => (await findOrder(after.db, id))?.namespaceUid, LIMIT.slow);
    const there = await after.orders.get("running");
    expect(there?.metadata.uid).not.toBe(resourceUid ?? "");
    expect((await findOrder(after.db, id))?.resourceUid).toBe(there?.metadata.uid ?? "");
    await operator.stop();
  });
});
