/** D13: an order of more files than its owner may download is refused when it is asked for, whichever way it comes. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { setLimits } from "#store/quotas.ts";
import { writeSetting } from "#store/settings.ts";
import { ADA, ADMIN, type ApiWorld, apiWorld, BOB } from "#test/support/api-world.ts";
import { addBasketProducts, datasetOf } from "#test/support/basket-products.ts";

let world: ApiWorld;
beforeAll(async () => {
  world = await apiWorld("api_order_quota");
  const products = [
    ...datasetOf("DS1", { products: 3, bytes: 300 }).map((product) => ({ ...product, quicklookBytes: 10 })),
    ...datasetOf("REF", { products: 4, bytes: 400 }).map((product) => ({ ...product, reference: true })),
  ];
  await addBasketProducts(world.db, products, world.clock.now);
});
afterAll(() => world.close());
beforeEach(async () => {
  await world.db`TRUNCATE quotas, counted_files, downloads, settings`;
  await world.db`DELETE FROM baskets`;
  world.clock.now = new Date(world.clock.now.getTime() + 60_000);
});

const TEXT = `Download quota of 2 exceeded (by 1) for user ${ADA}. The order has 3 files that count, 2 may still be downloaded`;

async function apply(body: object, as = ADA) {
  const response = await world.call("POST /user/orders/apply", { body, as });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

async function orders(): Promise<number> {
  return (await world.db`SELECT FROM orders`).length;
}

describe("apply", () => {
  test("is refused beyond the quota with the contract's text, and leaves no order", async () => {
    await setLimits(world.db, ADA, { maxQuota: 2 });
    const before = await orders();
    const { status, body } = await apply({ queries: ["providerId:DS*"], correlationId: "beyond" });
    expect([status, body]).toEqual([
      422,
      expect.objectContaining({
        status: "DENIED",
        correlationId: "beyond",
        errorType: "ORDER_LIMIT_REACHED",
        message: TEXT,
        messages: [TEXT],
      }),
    ]);
    expect(await orders()).toBe(before);
  });

  test("counts what is ordered: not quicklooks, not references, not what a pattern leaves out", async () => {
    await setLimits(world.db, ADA, { maxQuota: 2 });
    const statuses = [
      await apply({ queries: ["providerId:DS*"], filters: { dataTypes: ["QUICKLOOK"] } }),
      await apply({ queries: ["providerId:REF*"] }),
      await apply({
        queries: ["providerId:DS*"],
        filters: { dataTypes: ["RAWDATA"], filenameRegExp: ".*-[01]\\.tif" },
      }),
    ].map(({ status, body }) => [status, body["messages"]]);
    expect(statuses).toEqual([
      [201, undefined],
      [201, undefined],
      [201, undefined],
    ]);
  });

  test("takes off what was downloaded; the tenant's default holds for who has no quota of their own", async () => {
    await writeSetting(world.db, "maxQuota", 4);
    const { files } = await world.order([
      { name: "a", content: "a" },
      { name: "b", content: "b" },
    ]);
    expect((await apply({ queries: ["providerId:DS*"] })).status).toBe(201);
    for (const file of files) await (await world.call(`GET /orders/files/${file}`)).text();
    expect((await apply({ queries: ["providerId:DS*"] })).body["message"]).toBe(
      `Download quota of 4 exceeded (by 1) for user ${ADA}. The order has 3 files that count, 2 may still be downloaded`,
    );
    expect((await apply({ queries: ["providerId:DS*"] }, BOB)).status).toBe(201);
  });

  test("P9: what was accepted before stays accepted, also when the quota is used up since", async () => {
    const request = { queries: ["providerId:DS*"], correlationId: "again" };
    const first = await apply(request);
    await setLimits(world.db, ADA, { maxQuota: 0 });
    expect(await apply(request)).toEqual(first);
  });
});

describe("basket", () => {
  const fill = (query: string) =>
    world.call("POST /order/basket/selection", {
      body: { engineType: "legacy", searchParameters: { q: [query] } },
    });

  test("is refused beyond the quota and stays as it was; its quota is what the refusal tells", async () => {
    await setLimits(world.db, ADA, { maxQuota: 2 });
    const { content } = (await (await fill("providerId:(DS* OR REF*)")).json()) as { content: { quota: number } };
    const response = await world.call("POST /user/orders", { body: {} });
    expect([content.quota, response.status, await response.json()]).toEqual([3, 422, { messages: [TEXT] }]);
    const basket = await world.call("GET /order/basket");
    expect(await basket.json()).toMatchObject({ content: { quota: 3 } });
    await setLimits(world.db, ADA, { maxQuota: 3 });
    expect((await world.call("POST /user/orders", { body: {} })).status).toBe(201);
  });
});

describe("restart", () => {
  test("is refused by the owner's quota, also where an administrator asks", async () => {
    const { body } = await apply({ queries: ["providerId:DS*"] });
    const id = body["orderId"] as number;
    await world.setStatus(id, "DONE");
    await setLimits(world.db, ADA, { maxQuota: 2 });
    for (const as of [ADA, ADMIN]) {
      const response = await world.call(`POST /user/orders/${id}/restart`, { as, body: {} });
      expect([response.status, await response.json()]).toEqual([422, { messages: [TEXT] }]);
    }
    await setLimits(world.db, ADA, { maxQuota: null });
    expect((await world.call(`POST /user/orders/${id}/restart`, { body: {} })).status).toBe(201);
  });
});
