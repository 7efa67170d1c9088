/** `dryRun=true`: the numbers of an order that is not made. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { setLimits } from "#store/quotas.ts";
import { writeSetting } from "#store/settings.ts";
import { ADA, type ApiWorld, apiWorld } from "#test/support/api-world.ts";
import { estimateOf } from "./preview.ts";

let world: ApiWorld;
beforeAll(async () => {
  world = await apiWorld("api_preview");
  for (const n of [1, 2, 3, 4, 5]) await world.product({ name: `a-${n}`, bytes: 1000, dataset: "alpha" });
  for (const n of [1, 2]) await world.product({ name: `b-${n}`, bytes: 50, dataset: "beta" });
  await writeSetting(world.db, "sub_order_max_bytes", 2000);
});
afterAll(() => world.close());

const tables = ["orders", "sub_orders", "order_files", "outbox", "reply_queues"] as const;
async function contents(): Promise<unknown> {
  const counts = await Promise.all(tables.map((name) => world.db`SELECT count(*) AS n FROM ${world.db(name)}`));
  return [counts.map(([row]) => row?.["n"]), (await world.orders.list()).items.length];
}

async function dryRun(body: unknown, query = "?dryRun=true") {
  const response = await world.call(`POST /user/orders/apply${query}`, { body });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> & { content: object } };
}

test("a dry run tells files, bytes, products, sub-orders and quota, and writes nothing", async () => {
  const before = await contents();
  const { status, body } = await dryRun({ queries: ["providerId:a*", "providerId:b*"], correlationId: "try" });
  expect(status).toBe(200);
  expect(body.content).toEqual({
    dryRun: true,
    correlationId: "try",
    productsCount: 7,
    filesCount: 7,
    filesSize: 5100,
    references: { files: 0, bytes: 0 },
    subOrders: { toFetch: 4, references: 0 },
    datasets: [
      { datasetLabel: "alpha", objectsCount: 5, filesCount: 5, filesSize: 5000 },
      { datasetLabel: "beta", objectsCount: 2, filesCount: 2, filesSize: 100 },
    ],
    quota: { files: 7, maxQuota: -1, currentQuota: 0, exceededBy: 0 },
  });
  expect(await contents()).toEqual(before);
});

test("it counts the files that the filter keeps", async () => {
  const filters = { dataTypes: ["RAWDATA"], filenameRegExp: "a-[12]\\.tif" };
  expect((await dryRun({ queries: ["providerId:a*"], filters })).body.content).toMatchObject({
    filesCount: 2,
    filesSize: 2000,
  });
});

test("it knows the order that the same request has made", async () => {
  const body = { queries: ["providerId:a*"], correlationId: "made" };
  const made = await dryRun(body, "");
  expect(made.status).toBe(201);
  const before = await contents();
  expect((await dryRun(body)).body.content).toMatchObject({ orderId: made.body["orderId"], filesCount: 5 });
  const other = await dryRun({ ...body, queries: ["providerId:b*"] });
  expect([other.status, other.body["errorType"]]).toEqual([409, "INVALID_CONTENT"]);
  expect(await contents()).toEqual(before);
});

const REFUSED: Record<string, { body: object; want: [number, string] }> = {
  "nothing found": { body: { queries: ["providerId:none"] }, want: [422, "EMPTY_ORDER"] },
  "over its size limit": {
    body: { queries: ["providerId:a*"], sizeLimitInBytes: 10 },
    want: [422, "ORDER_LIMIT_REACHED"],
  },
  "a query that cannot be read": { body: { queries: ["providerId:["] }, want: [422, "INTERNAL_ERROR"] },
  "no query": { body: {}, want: [422, "INVALID_CONTENT"] },
};
for (const [what, { body, want }] of Object.entries(REFUSED)) {
  test(`it is refused as the order would be: ${what}`, async () => {
    const answer = await dryRun(body);
    expect([answer.status, answer.body["errorType"] as string]).toEqual(want);
  });
}

test("a taken label and a passed quota refuse it", async () => {
  await dryRun({ queries: ["providerId:a*"], label: "mine" }, "");
  const label = await dryRun({ queries: ["providerId:b*"], label: "mine" });
  expect([label.status, label.body["messages"]]).toEqual([422, ["LABEL_NOT_UNIQUE_FOR_OWNER"]]);
  await setLimits(world.db, ADA, { maxQuota: 3, rateLimit: -1 });
  const quota = await dryRun({ queries: ["providerId:a*"] });
  expect(quota.status).toBe(422);
  expect((await dryRun({ queries: ["providerId:b*"] })).body.content).toMatchObject({
    quota: { files: 2, maxQuota: 3, currentQuota: 0, remaining: 3, exceededBy: 0 },
  });
});

test("a value that is neither true nor false is refused, and orders nothing", async () => {
  const before = await contents();
  expect(await dryRun({ queries: ["providerId:b*"] }, "?dryRun=yes")).toEqual({
    status: 422,
    body: { messages: ["dryRun: expected one of true, false, got 'yes'"] } as never,
  });
  expect(await contents()).toEqual(before);
});

test("the time is estimated by what was fetched of late", async () => {
  const { id } = await world.order([{ name: "a", content: "x".repeat(4000) }]);
  await world.db`
    UPDATE sub_orders SET state = 'Succeeded', started_at = ${world.clock.now}::timestamptz - interval '2 seconds',
      ended_at = ${world.clock.now}, bytes_available = 4000 WHERE order_id = ${id}`;
  expect((await dryRun({ queries: ["providerId:b*"] })).body.content).toMatchObject({
    estimate: { seconds: 1, bytesPerSecond: 2000, measuredSubOrders: 1 },
  });
});

test("estimateOf() takes as many sub-orders at once as the user may have", () => {
  const settings = { max_running_sub_orders: 8, max_running_sub_orders_per_user: 4 } as Parameters<
    typeof estimateOf
  >[2];
  const speed = { subOrders: 3, bytesPerSecond: 100 };
  expect(estimateOf({ bytes: 4000, toFetch: 10 }, speed, settings)).toMatchObject({ seconds: 10, bytesPerSecond: 400 });
  expect(estimateOf({ bytes: 4000, toFetch: 1 }, speed, settings)).toMatchObject({ seconds: 40 });
  expect(estimateOf({ bytes: 4000, toFetch: 1 }, undefined, settings)).toBeUndefined();
});
