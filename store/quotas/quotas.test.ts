import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { NOW, newFile, newSubOrder, storedOrder, testStore } from "#test/support/store.ts";
import { connect } from "../db.ts";
import { appendSubOrders } from "../files.ts";
import { purgeFiles } from "../orders.ts";
import {
  type Begun,
  beginDownload,
  endDownload,
  keepDownloads,
  listUsage,
  quotaEffect,
  STALLED_MS,
  setLimits,
  usageOf,
} from "../quotas.ts";
import { writeSetting } from "../settings.ts";
import { upsertUser } from "../users.ts";

const { db, url, schema, drop } = await testStore("quotas");
const other = connect(url, { schema });
afterAll(async () => {
  await other.end();
  await drop();
});
beforeEach(async () => {
  await db`TRUNCATE orders, sub_orders, order_files, quotas, counted_files, downloads, settings, users CASCADE`;
});

const ADA = "ada@example.org";
const BOB = "bob@example.org";
const later = (ms: number) => new Date(NOW.getTime() + ms);

/** An order of that many files that count, a quicklook, a file of the dataset itself and a reference. */
async function order(files: number) {
  const row = await storedOrder(db);
  const stored = Array.from({ length: files }, (_, i) => newFile(i));
  stored.push(newFile(files, { fileType: "QUICKLOOK_SD" }), newFile(files + 1, { productUrn: "URN:dataset:d" }));
  const subOrders = [newSubOrder(1, 0, { files: stored }), newSubOrder(2, 1, { reference: true })];
  const step = { expectCursor: undefined, cursor: 1, products: files, done: true, now: NOW };
  await appendSubOrders(db, row.id, { ...step, subOrders });
  const rows = await db<{ id: number }[]>`SELECT id FROM order_files WHERE order_id = ${row.id} ORDER BY id`;
  return { id: row.id, files: rows.map(({ id }) => id) };
}

type Order = Awaited<ReturnType<typeof order>>;

function begin(
  of: Order,
  o: { email?: string; files?: readonly number[]; now?: Date; id?: string; pool?: typeof db } = {},
) {
  const { email = ADA, files = of.files, now = NOW, id = crypto.randomUUID(), pool = db } = o;
  return beginDownload(pool, { id, email, orderId: of.id, fileIds: files, now });
}

async function usage(email = ADA, now = NOW) {
  const [one] = await usageOf(db, [email], { now });
  return one;
}

const kinds = (all: readonly Begun[]) =>
  Object.entries(Object.groupBy(all, ({ kind }) => kind)).map(([kind, of]) => [kind, of?.length]);

describe("beginDownload()", () => {
  test("counts stored raw data only, once for each user, and holds a place until it is ended", async () => {
    const of = await order(3);
    const id = crypto.randomUUID();
    expect(await begin(of, { id })).toEqual({ kind: "begun", running: true });
    expect(await usage()).toEqual({ email: ADA, maxQuota: -1, rateLimit: -1, currentQuota: 3, currentRate: 1 });
    await endDownload(db, id);
    await begin(of);
    await begin(of, { files: of.files.slice(0, 1) });
    await begin(of, { email: BOB, files: of.files.slice(0, 1) });
    expect(await usage()).toMatchObject({ currentQuota: 3, currentRate: 2 });
    expect(await usage(BOB)).toMatchObject({ currentQuota: 1, currentRate: 1 });
  });

  test("takes no place for what holds nothing that counts, also of who may have nothing", async () => {
    const of = await order(1);
    await setLimits(db, ADA, { maxQuota: 0, rateLimit: 0 });
    expect(await begin(of, { files: of.files.slice(1) })).toEqual({ kind: "begun", running: false });
    expect(await usage()).toMatchObject({ currentQuota: 0, currentRate: 0 });
  });

  test("refuses what passes the quota as a whole, and counts nothing of it", async () => {
    const of = await order(5);
    await setLimits(db, ADA, { maxQuota: 4 });
    expect(await begin(of)).toEqual({ kind: "quotaExceeded", limit: 4, by: 1, fresh: 5, left: 4 });
    expect(await usage()).toMatchObject({ currentQuota: 0, currentRate: 0 });
    await begin(of, { files: of.files.slice(0, 3) });
    expect(await begin(of)).toEqual({ kind: "quotaExceeded", limit: 4, by: 1, fresh: 2, left: 1 });
    expect(await begin(of, { files: of.files.slice(1, 4) })).toMatchObject({ kind: "begun" });
    expect(await usage()).toMatchObject({ currentQuota: 4 });
  });

  test("lets files that were counted be fetched again after the quota was lowered", async () => {
    const of = await order(2);
    await begin(of);
    await setLimits(db, ADA, { maxQuota: 1 });
    expect(await begin(of)).toMatchObject({ kind: "begun" });
    expect(await begin(await order(1))).toEqual({ kind: "quotaExceeded", limit: 1, by: 2, fresh: 1, left: 0 });
  });

  test("refuses one download too many at a time, until another has ended", async () => {
    const of = await order(1);
    await writeSetting(db, "rateLimit", 2);
    const ids = [crypto.randomUUID(), crypto.randomUUID()];
    for (const id of ids) await begin(of, { id });
    expect(await begin(of)).toEqual({ kind: "rateExceeded", limit: 2, by: 1 });
    expect(await begin(of, { email: BOB })).toMatchObject({ kind: "begun" });
    await endDownload(db, ids[0] ?? "");
    expect(await begin(of)).toMatchObject({ kind: "begun" });
  });

  test("gives the places of a dead process to others after a while; who moves keeps or takes back the own", async () => {
    const of = await order(1);
    await writeSetting(db, "rateLimit", 1);
    const id = crypto.randomUUID();
    await begin(of, { id });
    await keepDownloads(db, [{ id, email: ADA }], { now: later(STALLED_MS - 1) });
    expect(await begin(of, { now: later(STALLED_MS + 1) })).toMatchObject({ kind: "rateExceeded" });
    expect(await usage(ADA, later(2 * STALLED_MS))).toMatchObject({ currentRate: 0 });
    expect(await begin(of, { now: later(2 * STALLED_MS) })).toMatchObject({ kind: "begun" });
    await keepDownloads(db, [{ id, email: ADA }], { now: later(2 * STALLED_MS) });
    expect(await usage(ADA, later(2 * STALLED_MS))).toMatchObject({ currentRate: 2 });
  });

  test("parallel beginnings over two pools pass neither limit, and count every file once", async () => {
    const orders = await Promise.all([order(4), order(4), order(4)]);
    await setLimits(db, ADA, { maxQuota: 8, rateLimit: 30 });
    const asked = Array.from({ length: 60 }, (_, i) => ({ of: orders[i % 3] as Order, pool: i % 2 ? db : other }));
    const begun = await Promise.all(asked.map(({ of, pool }) => begin(of, { pool })));
    expect(kinds(begun)).toEqual(
      expect.arrayContaining([
        ["begun", 30],
        ["quotaExceeded", 20],
        ["rateExceeded", 10],
      ]),
    );
    expect(await usage()).toMatchObject({ currentQuota: 8, currentRate: 30 });
    const [rows] = await db<{ count: number }[]>`SELECT count(*) FROM counted_files`;
    expect(rows?.count).toBe(8);
  });

  test("leaves the count and forgets the files when the order's files go", async () => {
    const of = await order(2);
    await begin(of);
    await purgeFiles(db, of.id);
    expect(await db`SELECT FROM counted_files`).toHaveLength(0);
    expect(await usage()).toMatchObject({ currentQuota: 2 });
  });
});

describe("limits", () => {
  test("are the user's own, else the tenant's; what is absent stays, null goes back to the default", async () => {
    await writeSetting(db, "maxQuota", 10);
    await setLimits(db, ADA, { maxQuota: 5, rateLimit: 1 });
    await setLimits(db, ADA, { maxQuota: null });
    expect(await usage()).toMatchObject({ maxQuota: 10, rateLimit: 1 });
    expect((await usageOf(db, [BOB, ADA, BOB], { now: NOW })).map(({ email, maxQuota }) => [email, maxQuota])).toEqual([
      [BOB, 10],
      [ADA, 10],
      [BOB, 10],
    ]);
  });

  test("listUsage() tells of users and of whoever else has a quota", async () => {
    await upsertUser(db, { email: BOB, role: "ADMIN", groups: [], active: true });
    await begin(await order(2));
    expect(await listUsage(db, { now: NOW })).toEqual([
      { email: ADA, maxQuota: -1, rateLimit: -1, currentQuota: 2, currentRate: 1 },
      { email: BOB, maxQuota: -1, rateLimit: -1, currentQuota: 0, currentRate: 0 },
    ]);
  });
});

test("quotaEffect() tells what is left and by how much the order passes it", () => {
  const of = (files: number, maxQuota: number, currentQuota: number) => {
    const { remaining, exceededBy } = quotaEffect(files, { maxQuota, currentQuota });
    return [remaining, exceededBy];
  };
  expect(of(5, -1, 100)).toEqual([undefined, 0]);
  expect(of(5, 10, 5)).toEqual([5, 0]);
  expect(of(6, 10, 5)).toEqual([5, 1]);
  expect(of(1, 10, 12)).toEqual([0, 3]);
  expect(of(0, 10, 12)).toEqual([0, 0]);
});

test("quotaEffect() finds room exactly for what is left", () => {
  fc.assert(
    fc.property(fc.nat(1000), fc.nat(1000), fc.integer({ min: 1, max: 1000 }), (maxQuota, currentQuota, files) => {
      const { remaining = 0, exceededBy } = quotaEffect(files, { maxQuota, currentQuota });
      expect(exceededBy === 0).toBe(files <= remaining);
    }),
  );
});
