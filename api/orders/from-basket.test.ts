import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { OrderStatusWord } from "#crds/files.ts";
import { writeSetting } from "#store/settings.ts";
import { upsertUser } from "#store/users.ts";
import { ADA, ADMIN, type ApiWorld, apiWorld, BOB, PREFIX, PUBLIC_URL } from "#test/support/api-world.ts";
import { addBasketProducts, datasetOf } from "#test/support/basket-products.ts";

let world: ApiWorld;
beforeAll(async () => {
  world = await apiWorld("api_from_basket");
  await addBasketProducts(
    world.db,
    [...datasetOf("DS1", { products: 3, bytes: 300 }), ...datasetOf("DS2", { products: 2, bytes: 200 })],
    world.clock.now,
  );
  await world.processes.create({
    apiVersion: "order.regards.io/v1alpha1",
    kind: "Process",
    metadata: { name: "cut" },
    spec: { image: "busybox", command: ["true"], scope: "SubOrder" },
  });
});
afterAll(() => world.close());
beforeEach(async () => {
  await world.db`DELETE FROM baskets`;
});

const NOW = "2026-11-20T10:20:30.000Z";
type Order = { content: { id: number; owner: string; label: string; status: string }; links: { rel: string }[] };

async function fill(query = "providerId:DS*", as = ADA): Promise<number[]> {
  const body = { engineType: "legacy", searchParameters: { q: [query] } };
  const response = await world.call("POST /order/basket/selection", { body, as });
  const { content } = (await response.json()) as { content: { datasetSelections: { id: number }[] } };
  return content.datasetSelections.map(({ id }) => id);
}

async function ordered(response: Response): Promise<Order> {
  expect(response.status).toBe(201);
  return (await response.json()) as Order;
}

async function told(response: Response): Promise<[number, string[]]> {
  return [response.status, ((await response.json()) as { messages: string[] }).messages];
}

const order = (body?: unknown, as = ADA) =>
  world.call("POST /user/orders", { as, ...(body !== undefined && { body }) });

describe("O1", () => {
  test("testCreateNOKNoBasket: 204 without a body", async () => {
    const response = await order({});
    expect([response.status, await response.text()]).toEqual([204, ""]);
  });

  test("testCreateOKSimpleLabel: 201 with the order, and its resource is made", async () => {
    await fill();
    const { content, links } = await ordered(await order({ label: "simple", onSuccessUrl: "/user/order" }));
    expect(content).toMatchObject({ owner: ADA, label: "simple", status: "PENDING", creationDate: NOW });
    expect(links.map(({ rel }) => rel)).toEqual(["self", "list", "pause", "cancel"]);
    expect((await world.row(content.id)).onSuccessUrl).toBe("/user/order");
    expect((await world.orders.get(`order-${content.id}`))?.spec).toMatchObject({ owner: ADA, label: "simple" });
    const again = await world.call(`GET /user/orders/${content.id}`);
    expect(((await again.json()) as Order).content).toEqual(content);
  });

  test("basketStoredWithProperOwnerAfterCreation: the order owns the selections, the basket is gone", async () => {
    await fill("providerId:DS1-0");
    await fill("providerId:DS1-1");
    await fill("providerId:DS2-0");
    const { content } = await ordered(await order());
    const before = { before: NOW };
    const { spec } = await world.row(content.id);
    expect(spec.selections).toEqual([
      { query: "providerId:DS1-0", dataset: "URN:DATASET:DS1", ...before },
      { query: "providerId:DS1-1", dataset: "URN:DATASET:DS1", ...before },
      { query: "providerId:DS2-0", dataset: "URN:DATASET:DS2", ...before },
    ]);
    expect((await world.call("GET /order/basket")).status).toBe(204);
  });

  test("test_dataFilesFiltersRAWDATA, …NameFilter, …NoFilter: each dataset takes its own filter or process along", async () => {
    const [first = 0, second = 0] = await fill();
    const at = "PUT /order/basket/dataset";
    const filter = { fileTypes: ["QUICKLOOK"], fileNamePattern: ".*\\.bin" };
    await world.call(`${at}/${first}/updateFileFilters`, { body: filter });
    await world.processes.patch("cut", { spec: { parameters: { properties: { width: { type: "integer" } } } } });
    const process = { processBusinessId: "cut", parameters: { width: "5" } };
    await world.call(`${at}/${second}/updateProcessing`, { body: process });
    const { content } = await ordered(await order());
    expect((await world.row(content.id)).spec.selections).toMatchObject([
      { fileTypes: ["QUICKLOOK_SD", "QUICKLOOK_MD", "QUICKLOOK_HD"], fileNamePattern: ".*\\.bin" },
      { process: { name: "cut", parameters: { width: "5" } } },
    ]);
  });

  test("testCreationWithEmptyBasket: 201, an order of nothing", async () => {
    const ids = await fill();
    for (const id of ids) await world.call(`DELETE /order/basket/dataset/${id}`);
    const { content } = await ordered(await order());
    expect((await world.row(content.id)).spec.selections).toEqual([{ includeIds: [] }]);
    expect((await world.orders.get(`order-${content.id}`))?.spec.selections).toEqual([{ includeIds: [] }]);
  });

  test("testCreateOKGenLabel, P21: generated labels of one second differ", async () => {
    const labels: string[] = [];
    for (const body of [undefined, {}, { label: "" }, { label: null }]) {
      await fill();
      labels.push((await ordered(await order(body, ADA))).content.label);
    }
    for (const label of labels) expect(label).toMatch(/^Order of \d{4}\/\d{2}\/\d{2} at \d{2}:\d{2}:\d{2}( \(\d+\))?$/);
    expect(new Set(labels).size).toBe(4);
  });

  test("testCreateNOKLabelNonUnique: 422, and the basket stays; another user may use the label", async () => {
    await fill();
    await ordered(await order({ label: "mine" }));
    await fill();
    expect(await told(await order({ label: "mine" }))).toEqual([422, ["LABEL_NOT_UNIQUE_FOR_OWNER"]]);
    expect((await world.call("GET /order/basket")).status).toBe(200);
    await fill("*", BOB);
    await ordered(await order({ label: "mine" }, BOB));
  });

  test("testCreateNOKLabelTooLong: 422 beyond 50 characters", async () => {
    await fill();
    expect(await told(await order({ label: "x".repeat(51) }))).toEqual([422, ["TOO_MANY_CHARACTERS_IN_LABEL"]]);
    await ordered(await order({ label: "x".repeat(50) }));
  });

  test("files stay as long as the tenant's setting for users says", async () => {
    await fill();
    await writeSetting(world.db, "user_order_parameters", { subOrderDuration: 5, delayBeforeEmailNotification: 1 });
    const { content } = await ordered(await order());
    expect((await world.row(content.id)).spec.subOrderAvailabilitySeconds).toBe(5 * 3600);
  });

  test("of several clicks one orders", async () => {
    await fill();
    const statuses = (await Promise.all(Array.from({ length: 6 }, () => order()))).map(({ status }) => status);
    expect(statuses.sort()).toEqual([201, 204, 204, 204, 204, 204]);
  });

  test("is accepted while Kubernetes is away: the row is the intent", async () => {
    await fill();
    world.switches.kubernetesAway = true;
    const response = await order();
    world.switches.kubernetesAway = false;
    const { content } = await ordered(response);
    expect(await world.orders.get(`order-${content.id}`)).toBeUndefined();
    expect((await world.row(content.id)).status).toBe("PENDING");
  });

  test("P8: an order by query leaves the basket alone, and takes nothing out of it", async () => {
    const ids = await fill("providerId:DS1*");
    const apply = await world.call("POST /user/orders/apply", { body: { queries: ["providerId:DS2*"] } });
    const { orderId } = (await apply.json()) as { orderId: number };
    expect((await world.row(orderId)).spec.selections).toEqual([{ query: "providerId:DS2*" }]);
    await world.call("POST /user/orders/apply", { body: { queries: ["providerId:DS2*", "providerId:nothing AND"] } });
    const basket = (await (await world.call("GET /order/basket")).json()) as {
      content: { datasetSelections: object[] };
    };
    expect(basket.content.datasetSelections).toMatchObject([{ id: ids[0], objectsCount: 3 }]);
  });
});

describe("O14", () => {
  const orderForApplication = (as = ADMIN) => world.call("POST /orders", { as, body: { label: "" } });

  test("orders the administrator's own basket, for as long as an application needs", async () => {
    await fill("*", ADMIN);
    const { content } = await ordered(await orderForApplication());
    expect(content.owner).toBe(ADMIN);
    expect(await world.row(content.id)).toMatchObject({ role: "ADMIN", spec: { subOrderAvailabilitySeconds: 7200 } });
    expect((await orderForApplication()).status).toBe(204);
  });

  test("is not for others", async () => {
    expect((await orderForApplication(ADA)).status).toBe(403);
  });
});

describe("O8", () => {
  const restart = (id: number, o: { body?: unknown; as?: string } = {}) =>
    world.call(`POST /user/orders/${id}/restart`, { as: o.as ?? ADA, ...(o.body !== undefined && { body: o.body }) });

  async function over(status: OrderStatusWord = "DONE"): Promise<number> {
    await fill("providerId:DS1*");
    const { content } = await ordered(await order());
    await world.setStatus(content.id, status);
    return content.id;
  }

  test("orderRestart: a new order of the same selections, of the same date", async () => {
    const id = await over();
    const { now } = world.clock;
    world.clock.now = new Date(now.getTime() + 86_400_000);
    const { content } = await ordered(await restart(id, { body: { label: "again", onSuccessUrl: "/o" } }));
    world.clock.now = now;
    const [before, after] = [await world.row(id), await world.row(content.id)];
    expect(content).toMatchObject({ label: "again", owner: ADA, status: "PENDING" });
    expect(after.spec.selections).toEqual(before.spec.selections);
    expect(after.onSuccessUrl).toBe("/o");
    expect([after.id === id, after.correlationId === before.correlationId]).toEqual([false, false]);
    expect((await world.orders.get(`order-${content.id}`))?.spec.selections).toEqual([...before.spec.selections]);
    expect((await world.row(id)).status).toBe("DONE");
  });

  test("an order by query searches again as of its own time", async () => {
    const { id } = await world.order([], { status: "FAILED" });
    const { createdAt } = await world.row(id);
    const { content } = await ordered(await restart(id));
    expect((await world.row(content.id)).spec.selections).toEqual([{ dataset: "d", before: createdAt.toISOString() }]);
    expect((await world.row(content.id)).spec.subOrderAvailabilitySeconds).toBe(5 * 3600);
  });

  for (const status of ["DONE", "DONE_WITH_WARNING", "FAILED"] as const) {
    test(`is allowed when ${status}`, async () => {
      await ordered(await restart(await over(status)));
    });
  }
  for (const status of ["PENDING", "RUNNING", "PAUSED", "EXPIRED", "DELETED", "ERROR"] as const) {
    test(`orderRestartWhenNotDone: is refused when ${status}`, async () => {
      expect(await told(await restart(await over(status)))).toEqual([
        401,
        ["ORDER_MUST_BE_DONE_OR_DONE_WITH_WARNING_OR_FAILED"],
      ]);
    });
  }

  test("404 first, then whose it is, then its state", async () => {
    expect((await restart(999_999)).status).toBe(404);
    const id = await over("RUNNING");
    expect(await told(await restart(id, { as: BOB }))).toEqual([401, ["USER_NOT_ALLOWED_TO_MANAGE_ORDER"]]);
    expect((await told(await restart(id, { as: ADMIN })))[1]).toEqual([
      "ORDER_MUST_BE_DONE_OR_DONE_WITH_WARNING_OR_FAILED",
    ]);
  });

  test("by an administrator the order stays the owner's, and is searched as the owner", async () => {
    const { content } = await ordered(await restart(await over(), { as: ADMIN }));
    expect(content.owner).toBe(ADA);
    expect((await world.row(content.id)).role).toBe("REGISTERED_USER");
  });

  test("D13: not for an owner who may not order any more", async () => {
    const gone = "gone@example.org";
    const user = { email: gone, role: "REGISTERED_USER", groups: [] } as const;
    await upsertUser(world.db, { ...user, active: true });
    const { id } = await world.order([], { owner: gone, status: "DONE" });
    await upsertUser(world.db, { ...user, active: false });
    expect((await restart(id, { as: ADMIN })).status).toBe(403);
  });

  test("label rules: taken 422, too long 422, none generated (P21)", async () => {
    const id = await over();
    await ordered(await restart(id, { body: { label: "restarted" } }));
    expect(await told(await restart(id, { body: { label: "restarted" } }))).toEqual([
      422,
      ["LABEL_NOT_UNIQUE_FOR_OWNER"],
    ]);
    expect(await told(await restart(id, { body: { label: "x".repeat(51) } }))).toEqual([
      422,
      ["TOO_MANY_CHARACTERS_IN_LABEL"],
    ]);
    const [a, b] = [await ordered(await restart(id)), await ordered(await restart(id))];
    expect(a.content.label).toStartWith("Order of ");
    expect(a.content.label).not.toBe(b.content.label);
  });

  test("the basket of today has no part in it", async () => {
    const id = await over();
    await fill("providerId:DS2*");
    await ordered(await restart(id));
    expect((await world.call("GET /order/basket")).status).toBe(200);
  });

  test("its link is there where it is allowed", async () => {
    const id = await over();
    const { links } = (await (await world.call(`GET /user/orders/${id}`)).json()) as { links: object[] };
    expect(links).toContainEqual({ rel: "restart", href: `${PUBLIC_URL}${PREFIX}/user/orders/${id}/restart` });
  });
});
