/** Requests sent again because their answer was lost: one order each, whatever has happened meanwhile. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { ADA, type ApiWorld, apiWorld, BOB } from "#test/support/api-world.ts";

let world: ApiWorld;
beforeAll(async () => {
  world = await apiWorld("api_repeat");
  for (const n of [1, 2, 3]) await world.product({ name: `scene-${n}`, bytes: 1000 });
});
afterAll(() => world.close());
beforeEach(async () => {
  await world.db`DELETE FROM baskets`;
});

type Options = { readonly key?: string; readonly body?: unknown; readonly as?: string };

async function post(path: string, { key, body = {}, as = ADA }: Options = {}) {
  const headers = key === undefined ? {} : { "idempotency-key": key };
  const response = await world.call(`POST ${path}`, { body, as, headers });
  const text = await response.text();
  const answer =
    text === "" ? {} : (JSON.parse(text) as { messages?: string[]; orderId?: number; content?: { id: number } });
  return { status: response.status, messages: answer.messages, id: answer.content?.id ?? answer.orderId };
}

const fill = (query = "providerId:scene-1") =>
  world.call("POST /order/basket/selection", { body: { engineType: "legacy", searchParameters: { q: [query] } } });

async function orders(): Promise<number> {
  const [row] = await world.db<{ n: number }[]>`SELECT count(*) AS n FROM orders`;
  return row?.n ?? 0;
}

describe("Idempotency-Key when ordering by queries", () => {
  const body = { queries: ["providerId:scene-1"] };

  test("is the correlation id where the body has none: the same again is the same order", async () => {
    const first = await post("/user/orders/apply", { key: '"apply-1"', body });
    const before = await orders();
    expect(await post("/user/orders/apply", { key: '"apply-1"', body })).toEqual(first);
    expect((await world.row(first.id ?? 0)).correlationId).toBe("apply-1");
    expect(await orders()).toBe(before);
  });

  for (const path of ["/user/orders/apply", "/user/orders/apply?dryRun=true"]) {
    test(`with another body is refused with 409, which names what the client used: ${path}`, async () => {
      const { id } = await post("/user/orders/apply", { key: "apply-2", body });
      const other = { queries: ["providerId:scene-2"] };
      const messages = (field: string) => [`${field}: already used by order ${id} with another request`];
      expect(await post(path, { key: "apply-2", body: other })).toMatchObject({
        status: 409,
        messages: messages("Idempotency-Key"),
      });
      expect(await post(path, { body: { ...other, correlationId: "apply-2" } })).toMatchObject({
        status: 409,
        messages: messages("correlationId"),
      });
    });
  }

  test("gives way to the body's own", async () => {
    const { id } = await post("/user/orders/apply", { key: "apply-3", body: { ...body, correlationId: "mine" } });
    expect((await world.row(id ?? 0)).correlationId).toBe("mine");
  });

  for (const key of ["", "x".repeat(256), '"\u00e9"']) {
    test(`that is none is refused: ${key.slice(0, 5)}…`, async () => {
      const before = await orders();
      const answer = await post("/user/orders/apply", { key, body });
      expect(answer).toMatchObject({
        status: 422,
        messages: ["Idempotency-Key: expected 1 to 255 characters of ASCII"],
      });
      expect(await orders()).toBe(before);
    });
  }
});

describe("Idempotency-Key when ordering the basket", () => {
  test("a repeat after a lost answer gives the order, not an empty basket", async () => {
    await fill();
    const first = await post("/user/orders", { key: "basket-1", body: { label: "mine", onSuccessUrl: "/o" } });
    expect(first.status).toBe(201);
    const before = await orders();
    expect(await post("/user/orders", { key: "basket-1", body: { onSuccessUrl: "/o", label: "mine" } })).toEqual(first);
    expect(await orders()).toBe(before);
    expect((await post("/user/orders", { body: {} })).status).toBe(204);
  });

  test("a repeat leaves a basket alone that was filled since", async () => {
    await fill();
    const first = await post("/user/orders", { key: "basket-2" });
    await fill("providerId:scene-2");
    expect(await post("/user/orders", { key: "basket-2" })).toEqual(first);
    expect((await world.call("GET /order/basket")).status).toBe(200);
    const next = await post("/user/orders", { key: "basket-3" });
    expect([next.status, next.id === first.id]).toEqual([201, false]);
  });

  test("another request under the key is refused with 409, and the basket stays", async () => {
    await fill();
    const first = await post("/user/orders", { key: "basket-4" });
    await fill();
    const messages = [`Idempotency-Key: already used by order ${first.id} with another request`];
    expect(await post("/user/orders", { key: "basket-4", body: { label: "other" } })).toMatchObject({
      status: 409,
      messages,
    });
    const byQuery = await post("/user/orders/apply", { key: "taken", body: { queries: ["providerId:scene-1"] } });
    expect(byQuery.status).toBe(201);
    expect((await post("/user/orders", { key: "taken" })).status).toBe(409);
    expect((await world.call("GET /order/basket")).status).toBe(200);
  });

  test("of many at once one orders, and all get that order", async () => {
    await fill();
    const before = await orders();
    const all = await Promise.all(Array.from({ length: 8 }, () => post("/user/orders", { key: "basket-5" })));
    expect(new Set(all.map(({ status, id }) => `${status} ${id}`)).size).toBe(1);
    expect(all[0]?.status).toBe(201);
    expect(await orders()).toBe(before + 1);
  });

  test("another user's key is another key", async () => {
    await fill();
    await post("/user/orders", { key: "basket-6" });
    expect((await post("/user/orders", { key: "basket-6", as: BOB })).status).toBe(204);
  });

  test("without a key every click is a request of its own", async () => {
    await fill();
    expect((await post("/user/orders")).status).toBe(201);
    expect((await post("/user/orders")).status).toBe(204);
  });
});

test("Idempotency-Key when restarting: one new order, however often it is sent", async () => {
  const { id } = await post("/user/orders/apply", { body: { queries: ["providerId:scene-3"] } });
  await world.setStatus(id ?? 0, "DONE");
  const before = await orders();
  const path = `/user/orders/${id}/restart`;
  const all = await Promise.all(Array.from({ length: 4 }, () => post(path, { key: "again" })));
  expect(new Set(all.map((one) => `${one.status} ${one.id}`)).size).toBe(1);
  expect(await orders()).toBe(before + 1);
  expect((await post(path, { key: "again", body: { label: "other" } })).status).toBe(409);
});
