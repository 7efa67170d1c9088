/**
 * A cluster whose etcd was put back to an earlier day, beside a database that has lived on: with the statement of docs/kubernetes.md nothing is
 * deleted that should stay, and without it what the earlier day did not know is.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Loaded } from "#local/kubernetes/storage/journal.ts";
import { findOrder, type OrderRow } from "#store/orders.ts";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { keptJournal } from "#test/support/kept-journal.ts";
import { type OperatorWorld, operatorWorld, quiet, someProducts } from "#test/support/operator-world.ts";

setDefaultTimeout(3 * LIMIT.slow);
const NAMESPACE = "tenant";
const CONFIG = { sweepSeconds: 0.2, awaySeconds: 0 };
/** Longer than a sweep and what follows from it. */
const SWEEPS_MS = 1_000;
const GUIDE = join(import.meta.dir, "../docs/kubernetes.md");
const worlds: OperatorWorld[] = [];
let world: OperatorWorld;
let earlier: Loaded;
let nextId = 1;

/** The guide's own words, for the schema of this test. */
function statement(): string {
  const [, found] =
    /psql "\$DATABASE_URL" -c '(UPDATE tenant_landsat\.orders [^']+)'/.exec(readFileSync(GUIDE, "utf8")) ?? [];
  if (found === undefined)
    throw new Error("Cannot find the statement for an etcd that was put back in docs/kubernetes.md");
  return found.replace("tenant_landsat", "tenant_test");
}

const hangAtTheEnd: OperatorWorld["source"]["answer"] = ({ filename }) =>
  filename.endsWith("-1.dat") ? "hang" : "give";

async function done(name: string): Promise<OrderRow> {
  world.products.push(...someProducts(name, 1, { firstId: nextId++ }));
  await world.apply(name);
  await world.until(name, "AllFilesAvailable");
  return await world.row(name);
}

/** One file there, and one whose source never answers. */
async function halfDone(name: string): Promise<OrderRow> {
  world.products.push(...someProducts(name, 2, { firstId: nextId }));
  nextId += 2;
  await world.apply(name);
  const isHalfDone = async () => {
    const row = await world.row(name);
    return row.files.available === 1 ? row : undefined;
  };
  return await eventually(`one file of ${name} is there`, isHalfDone, LIMIT.slow);
}

async function isDeleted({ id, resourceName }: OrderRow): Promise<void> {
  const emptied = async () => (await findOrder(world.db, id))?.emptied;
  await eventually(`all of ${resourceName} is given back`, emptied, LIMIT.slow);
  expect((await findOrder(world.db, id))?.status).toBe("DELETED");
}

const rows: Record<string, OrderRow> = {};
/** Files that are there in the end. What replaced another finds the products of both. */
const STAY = { finished: 1, running: 2, newer: 1, "newer, running": 2, "newer, paused": 1, replacement: 2 };
const idOf = (key: string) => rows[key]?.id ?? 0;
const filesOf = async (key: string) =>
  (await world.db`SELECT FROM order_files WHERE order_id = ${idOf(key)} AND state = 'AVAILABLE'`).length;

/** The cluster as it was, under the namespace that lives on; what runs it is begun anew. */
async function putBack(label: string): Promise<void> {
  const journal = keptJournal(earlier);
  // Nobody who has just asked for them can be about to make their resources.
  await world.db`UPDATE orders SET created_at = created_at - interval '1 minute'`;
  world = await operatorWorld(label, { namespace: NAMESPACE, config: CONFIG, restoredFrom: world, journal });
  worlds.unshift(world);
}

beforeAll(async () => {
  const journal = keptJournal();
  world = await operatorWorld("put_back", { namespace: NAMESPACE, config: CONFIG, journal });
  worlds.unshift(world);
  world.source.answer = hangAtTheEnd;
  const operator = world.start();
  rows["finished"] = await done("finished");
  rows["running"] = await halfDone("running");
  rows["deleted since"] = await done("deleted-since");
  rows["replaced since"] = await done("replaced");
  await quiet(world, SWEEPS_MS);
  earlier = journal.backup();
  for (const name of ["deleted-since", "replaced"]) await world.orders.delete(name);
  await isDeleted(rows["deleted since"]);
  await isDeleted(rows["replaced since"]);
  rows["replacement"] = await done("replaced");
  rows["newer"] = await done("newer");
  rows["newer, running"] = await halfDone("newer-running");
  rows["newer, paused"] = await halfDone("newer-paused");
  // What is wished of the first is a wish of later: with its resource it is forgotten.
  for (const name of ["running", "newer-paused"]) {
    await world.orders.patch(name, { spec: { suspend: true } });
    await world.until(name, "Suspended");
  }
  await operator.stop();
});
afterAll(async () => {
  // The first made the database, and goes last.
  for (const each of worlds) await each.stop();
});

test("with the guide's statement every order that was there stays, and those that the earlier day did not know get their resources again", async () => {
  await putBack("put_back_told");
  await world.db.unsafe(statement());
  const operator = world.start();
  const renamed = `order-${idOf("replacement")}`;
  for (const name of ["finished", "running", "newer", "newer-running", renamed])
    await world.until(name, "AllFilesAvailable");
  await world.until("newer-paused", "Suspended");
  const names = async () => (await world.orders.list()).items.map(({ metadata }) => metadata.name).toSorted();
  const left = ["finished", "newer", "newer-paused", "newer-running", renamed, "running"].toSorted();
  await eventually("what was deleted since is gone again", async () => Bun.deepEquals(await names(), left), LIMIT.slow);
  await quiet(world, SWEEPS_MS);
  for (const [key, files] of Object.entries(STAY)) {
    const row = await findOrder(world.db, idOf(key));
    const there = await world.orders.get(row?.resourceName ?? "");
    expect([key, row?.resourceUid, there?.status?.orderId]).toEqual([key, there?.metadata.uid ?? "none", row?.id]);
    expect([key, await world.outbox(idOf(key))]).not.toEqual([key, expect.arrayContaining(["deleted"])]);
    expect([key, await filesOf(key), row?.purged]).toEqual([key, files, false]);
  }
  for (const key of ["deleted since", "replaced since"]) await isDeleted(rows[key] as OrderRow);
  expect((await world.db`SELECT FROM orders`).length).toBe(Object.keys(rows).length);
  await operator.stop();
});

test("without it they are taken for deleted, as the guide says; those that it knew stay even then", async () => {
  await putBack("put_back_untold");
  const operator = world.start();
  for (const key of ["newer", "newer, running", "newer, paused", "replacement"]) await isDeleted(rows[key] as OrderRow);
  for (const name of ["finished", "running"]) await world.until(name, "AllFilesAvailable");
  expect([await filesOf("finished"), await filesOf("running")]).toEqual([1, 2]);
  await operator.stop();
});
