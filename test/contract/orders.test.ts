/** The contract's order operations O1 to O16 (rs-order.md §1.4), one test each, against the served program, its operator and its workers. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readZip } from "#test/support/read-zip.ts";
import { contentOf, emailOf, type ServedWorld, type ShownOrder, servedWorld } from "#test/support/served-world.ts";

let world: ServedWorld;
beforeAll(async () => {
  world = await servedWorld("contract_orders");
}, 60_000);
afterAll(() => world.close());

const SLOW_MS = 60_000;

async function fillBasket(as: "ada" | "admin" = "ada"): Promise<void> {
  const body = { engineType: "legacy", searchParameters: { q: ['providerId:("A1" "A2")'] } };
  expect((await world.call("POST /order/basket/selection", { as, body })).status).toBe(200);
}

async function content<T = ShownOrder>(response: Response): Promise<T> {
  return ((await response.json()) as { content: T }).content;
}

async function refused(route: string, o: Parameters<ServedWorld["call"]>[1] = {}): Promise<[number, string[]]> {
  const response = await world.call(route, o);
  return [response.status, ((await response.json()) as { messages: string[] }).messages];
}

describe("to order", () => {
  test(
    "O1 POST /user/orders: 204 without a basket, then 201, and its files arrive; 422 for a label that is taken",
    async () => {
      expect((await world.call("POST /user/orders", { body: {} })).status).toBe(204);
      await fillBasket();
      const made = await world.call("POST /user/orders", { body: { label: "from the basket" } });
      expect(made.status).toBe(201);
      const order = await content(made);
      expect(order).toMatchObject({ owner: emailOf("ada"), label: "from the basket" });
      expect(await world.orderAt(order.id, "DONE")).toMatchObject({ availableFilesCount: 2, percentCompleted: 100 });
      await fillBasket();
      expect(await refused("POST /user/orders", { body: { label: "from the basket" } })).toEqual([
        422,
        ["LABEL_NOT_UNIQUE_FOR_OWNER"],
      ]);
    },
    SLOW_MS,
  );

  test(
    "O2 POST /user/orders/apply (testNominalOrderAutoCreation, testErrorOrderAutoCreation, testInvalidRequestOrderAutoCreation): 201 flat and wrapped, and its files arrive; 422 with the contract's body",
    async () => {
      const body = {
        queries: ['providerId:"A1"'],
        filters: { dataTypes: ["RAWDATA"] },
        correlationId: "O2",
        user: emailOf("bob"),
      };
      const made = await world.call("POST /user/orders/apply", { body });
      const answer = (await made.json()) as { orderId: number };
      const told = { status: "GRANTED", orderId: answer.orderId, correlationId: "O2" };
      expect([made.status, answer as object]).toEqual([201, { ...told, content: told, links: [] }]);
      expect(await world.orderAt(answer.orderId, "DONE")).toMatchObject({ owner: emailOf("ada") });
      const none = await world.call("POST /user/orders/apply", {
        body: { ...body, queries: [], correlationId: "none" },
      });
      expect(none.status).toBe(422);
      expect(JSON.stringify(await none.json())).toContain("list of queries should not be empty");
      const empty = { ...body, queries: ['providerId:"none"'], correlationId: "empty" };
      const nothing = await world.call("POST /user/orders/apply", { body: empty });
      expect([nothing.status, await nothing.json()]).toMatchObject([
        422,
        { content: { status: "FAILED", correlationId: "empty", message: expect.any(String) } },
      ]);
    },
    SLOW_MS,
  );

  test("O14 POST /orders: an administrator's application orders its own basket; 403 for a user", async () => {
    expect((await world.call("POST /orders", { body: {} })).status).toBe(403);
    await fillBasket("admin");
    const made = await world.call("POST /orders", { as: "admin", body: {} });
    expect([made.status, (await content(made)).owner]).toEqual([201, emailOf("admin")]);
  });
});

describe("to look", () => {
  test("O3 GET /user/orders: a page of the caller's own, newest first", async () => {
    const [first, second] = [await world.apply(["A1"]), await world.apply(["A2"])];
    const page = (await (await world.call("GET /user/orders?size=2")).json()) as {
      metadata: object;
      content: { content: ShownOrder; links: { rel: string }[] }[];
    };
    expect(page.content.map((one) => one.content.id)).toEqual([second, first]);
    expect(page.metadata).toMatchObject({ size: 2, number: 0 });
    expect(await (await world.call("GET /user/orders", { as: "bob" })).json()).toMatchObject({ content: [] });
  });

  test(
    "O4 GET /user/orders/{id} (testGetOrder, testGetNotFoundOrder): 200 with all fields and the links allowed, 403 and 404 with an empty body",
    async () => {
      const id = await world.ended(["A1"]);
      const response = await world.call(`GET /user/orders/${id}`);
      const shown = (await response.json()) as { content: ShownOrder; links: { rel: string; href: string }[] };
      expect(shown.content).toMatchObject({
        id,
        owner: emailOf("ada"),
        status: "DONE",
        percentCompleted: 100,
        filesInErrorCount: 0,
        availableFilesCount: 1,
        datasetTasks: [{ datasetLabel: "images", objectsCount: 1, filesCount: 1 }],
      } as object);
      expect(shown.content.expirationDate).toEndWith("Z");
      expect(shown.links.map(({ rel }) => rel).sort()).toEqual(["delete", "download", "list", "restart", "self"]);
      const other = await world.call(`GET /user/orders/${id}`, { as: "bob" });
      expect([other.status, await other.text()]).toEqual([403, ""]);
      const none = await world.call("GET /user/orders/-12");
      expect([none.status, await none.text()]).toEqual([404, ""]);
    },
    SLOW_MS,
  );

  test("O15 POST /orders/search: everybody's orders by their properties, for EXPLOIT and above", async () => {
    const id = await world.apply(["A1"], { as: "bob" });
    const search = { as: "exploiter", body: { owner: "bob" } } as const;
    const page = (await (await world.call("POST /orders/search", search)).json()) as {
      content: { content: ShownOrder }[];
    };
    expect(page.content.map((one) => one.content.id)).toContain(id);
    expect(new Set(page.content.map((one) => one.content.owner))).toEqual(new Set([emailOf("bob")]));
    expect((await world.call("POST /orders/search", { body: {} })).status).toBe(403);
    expect(
      (await world.call("POST /orders/search", { as: "admin", body: { statuses: { values: ["NEW"] } } })).status,
    ).toBe(422);
  });

  test("O16 POST /orders/csv: a table of them", async () => {
    const id = await world.apply(["A1"]);
    const response = await world.call("POST /orders/csv", { as: "exploiter", body: {} });
    expect([response.status, response.headers.get("content-disposition")]).toEqual([
      200,
      'attachment; filename="orders.csv"',
    ]);
    expect(response.headers.get("content-type")).toStartWith("text/csv");
    expect(
      (await response.text()).split("\n").some((line) => line.startsWith(`${id};`) || line.startsWith(`${id},`)),
    ).toBe(true);
  });
});

describe("to change", () => {
  test(
    "O5 PUT /user/orders/pause/{id} (testPause, testPauseFailed): 200, then 401 with the code; 401 for another user; 404 for none",
    async () => {
      const id = await world.running();
      expect(await refused(`PUT /user/orders/pause/${id}`, { as: "bob" })).toEqual([
        401,
        ["USER_NOT_ALLOWED_TO_MANAGE_ORDER"],
      ]);
      expect((await world.call(`PUT /user/orders/pause/${id}`)).status).toBe(200);
      await world.orderAt(id, "PAUSED");
      expect(await refused(`PUT /user/orders/pause/${id}`)).toEqual([401, ["ORDER_MUST_BE_PENDING_OR_RUNNING"]]);
      expect((await world.call("PUT /user/orders/pause/-12")).status).toBe(404);
    },
    SLOW_MS,
  );

  test(
    "O6 PUT /user/orders/resume/{id} (testResume, testResumeFailed): 200 when paused, 401 with the code otherwise",
    async () => {
      const id = await world.running();
      expect(await refused(`PUT /user/orders/resume/${id}`)).toEqual([401, ["ORDER_MUST_BE_PAUSED"]]);
      await world.call(`PUT /user/orders/pause/${id}`);
      await world.orderAt(id, "PAUSED");
      expect((await world.call(`PUT /user/orders/resume/${id}`)).status).toBe(200);
      await world.orderAt(id, "RUNNING");
    },
    SLOW_MS,
  );

  test(
    "O7 PUT /user/orders/{id}/retry (test_retry): what failed is fetched again, 401 where nothing failed",
    async () => {
      const id = await world.ended(["A1", "B1"]);
      expect(await world.orderAt(id, "DONE_WITH_WARNING")).toMatchObject({ filesInErrorCount: 1 });
      world.source.files.set("/B1.tif", { bytes: contentOf("B1") });
      expect((await world.call(`PUT /user/orders/${id}/retry`)).status).toBe(200);
      expect(await world.orderAt(id, "DONE")).toMatchObject({ availableFilesCount: 2, filesInErrorCount: 0 });
      world.source.files.delete("/B1.tif");
      expect(await refused(`PUT /user/orders/${id}/retry`)).toEqual([
        401,
        ["ORDER_MUST_BE_DONE_WITH_WARNING_OR_FAILED"],
      ]);
    },
    SLOW_MS,
  );

  test(
    "O8 POST /user/orders/{id}/restart: 201 with a new order of the same selections, 401 while it runs",
    async () => {
      const id = await world.ended(["A1", "A2"]);
      const made = await world.call(`POST /user/orders/${id}/restart`, { body: { label: "again" } });
      const again = await content(made);
      expect([made.status, again.label, again.id > id]).toEqual([201, "again", true]);
      expect(await world.orderAt(again.id, "DONE")).toMatchObject({ availableFilesCount: 2 });
      const running = await world.running();
      expect(await refused(`POST /user/orders/${running}/restart`, { body: {} })).toEqual([
        401,
        ["ORDER_MUST_BE_DONE_OR_DONE_WITH_WARNING_OR_FAILED"],
      ]);
    },
    SLOW_MS,
  );

  test(
    "O9 DELETE /user/orders/{id} (testDelete, testDeleteFailed): 200 and it is out of the list, 401 while it runs",
    async () => {
      const running = await world.running();
      expect(await refused(`DELETE /user/orders/${running}`)).toEqual([
        401,
        ["ORDER_MUST_BE_DONE_OR_DONE_WITH_WARNING_OR_PAUSED_OR_FAILED_OR_EXPIRED"],
      ]);
      const id = await world.ended(["A1"]);
      expect((await world.call(`DELETE /user/orders/${id}`)).status).toBe(200);
      await world.orderAt(id, "DELETED");
      const list = await (await world.call("GET /user/orders?size=1000")).text();
      expect(list).not.toContain(`"id":${id},`);
    },
    SLOW_MS,
  );

  test(
    "O10 DELETE /user/orders/remove/{id}: a deleted order is gone for good; 401 while it is not deleted, 403 for its owner",
    async () => {
      const id = await world.ended(["A1"]);
      expect((await world.call(`DELETE /user/orders/remove/${id}`)).status).toBe(403);
      expect(await refused(`DELETE /user/orders/remove/${id}`, { as: "root" })).toEqual([
        401,
        ["ORDER_MUST_BE_DELETED"],
      ]);
      await world.call(`DELETE /user/orders/${id}`);
      await world.orderAt(id, "DELETED");
      expect((await world.call(`DELETE /user/orders/remove/${id}`, { as: "root" })).status).toBe(200);
      expect((await world.call(`GET /user/orders/${id}`, { as: "root" })).status).toBe(404);
      expect(await world.db`SELECT id FROM order_files WHERE order_id = ${id}`).toHaveLength(0);
    },
    SLOW_MS,
  );
});

describe("to receive", () => {
  test(
    "O11 GET /user/orders/{id}/download (testDownloadZipFile, test_download_zip): a zip of what is there, 204 when nothing is, 403 for another user",
    async () => {
      const id = await world.ended(["A1", "A2"]);
      const response = await world.call(`GET /user/orders/${id}/download`);
      expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/octet-stream"]);
      expect(response.headers.get("content-disposition")).toMatch(
        new RegExp(`^attachment; filename="order_${id}_.*\\.zip"$`),
      );
      expect(readZip(new Uint8Array(await response.arrayBuffer()))).toEqual({
        "A1.tif": contentOf("A1").toString(),
        "A2.tif": contentOf("A2").toString(),
      });
      expect((await world.call(`GET /user/orders/${id}/download`, { as: "bob" })).status).toBe(403);
      const running = await world.running();
      expect((await world.call(`GET /user/orders/${running}/download`)).status).toBe(204);
    },
    SLOW_MS,
  );

  test(
    "O12 GET /user/orders/{id}/metalink/download (testDownloadMetalinkFile): 200 with a link per file, 404 of a failed order",
    async () => {
      const id = await world.ended(["A1", "A2"]);
      const response = await world.call(`GET /user/orders/${id}/metalink/download`);
      expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/metalink+xml"]);
      expect((await response.text()).match(/<url[ >]/g)).toHaveLength(2);
      const failed = await world.ended(["B1"]);
      const none = await world.call(`GET /user/orders/${failed}/metalink/download`);
      expect([none.status, await none.text()]).toEqual([404, ""]);
    },
    SLOW_MS,
  );

  test(
    "O13 GET /user/orders/metalink/download?orderToken=: the same for whoever has the order's token, 401 without",
    async () => {
      const id = await world.ended(["A1"]);
      const document = await world.metalink(id);
      const token = /orderToken=([^&<\s]+)/.exec(document)?.[1];
      const route = "GET /user/orders/metalink/download?scope=default&orderToken=";
      const open = await world.call(route + token, { as: null });
      expect([open.status, (await open.text()).match(/<url[ >]/g)?.length]).toEqual([200, 1]);
      expect((await world.call(`${route}broken`, { as: null })).status).toBe(401);
    },
    SLOW_MS,
  );
});
