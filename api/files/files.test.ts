import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ADMIN, type ApiWorld, apiWorld, BOB, PREFIX, PUBLIC_URL } from "#test/support/api-world.ts";

let world: ApiWorld;
beforeAll(async () => {
  world = await apiWorld("api_files");
});
afterAll(() => world.close());

type Page = { metadata: { size: number; totalElements: number }; content: Record<string, unknown>[]; links: unknown[] };

const AVAILABLE = [
  { name: "a.tif", content: "aaa" },
  { name: "b.tif", content: "bb", subOrder: 2 },
];

async function page(route: string): Promise<Page> {
  return (await (await world.call(route)).json()) as Page;
}

describe("F1 as in the guides", () => {
  const flat = (id: number) => `GET /user/orders/${id}/files/available`;

  test("200 when the order is over, flat items, 50 a page (D1, D2, D3, D4)", async () => {
    const { id, files } = await world.order([...AVAILABLE, { name: "c", error: "x" }], { status: "FAILED" });
    const response = await world.call(flat(id));
    expect(response.status).toBe(200);
    const url = `${PUBLIC_URL}${PREFIX}/orders/files/${files[0]}`;
    const body = (await response.json()) as Page;
    expect(body.metadata).toMatchObject({ size: 50, totalElements: 2 });
    expect(body.content[0]).toEqual({
      id: files[0],
      productId: "product-0",
      version: 1,
      downloadUrl: url,
      uri: url,
      mimeType: "text/plain",
      filesize: 3,
      fileSize: 3,
      filename: "a.tif",
    });
  });

  test("206 while more may come", async () => {
    const { id } = await world.order([...AVAILABLE, { name: "c" }]);
    expect((await world.call(flat(id))).status).toBe(206);
  });

  test("204 while there is nothing", async () => {
    const { id } = await world.order([{ name: "c" }]);
    const response = await world.call(flat(id));
    expect([response.status, await response.text()]).toEqual([204, ""]);
  });

  test("200 and an empty page when it is over and nothing is there", async () => {
    const { id } = await world.order([{ name: "c", error: "x" }], { status: "FAILED" });
    const response = await world.call(flat(id));
    expect([response.status, ((await response.json()) as Page).content]).toEqual([200, []]);
  });
});

describe("F1 and F2 as published", () => {
  test("F1 always answers 200, wrapped items, 20 a page", async () => {
    const { id, files } = await world.order([...AVAILABLE, { name: "c", subOrder: 3 }]);
    const body = await page(`GET /orders/${id}/files/available`);
    expect(body.metadata).toMatchObject({ size: 20, totalElements: 2 });
    expect(body.content.map((item) => item["links"])).toEqual([[], []]);
    expect(body.content[1]?.["content"]).toMatchObject({ id: files[1], filename: "b.tif", filesize: 2 } as object);
    expect((await page(`GET /orders/${(await world.order([])).id}/files/available`)).content).toEqual([]);
  });

  test("F2 lists one sub-order's files, by the number that messages tell", async () => {
    const { id, files } = await world.order(AVAILABLE);
    const [task] = await world.db<{ id: number }[]>`
      SELECT id FROM sub_orders WHERE order_id = ${id} AND number = 2`;
    const body = await page(`GET /orders/${id}/filesTask/${task?.id}/files/available`);
    expect(body.content.map((item) => (item["content"] as { id: number }).id)).toEqual([files[1]!]);
    const other = await world.order(AVAILABLE);
    expect((await world.call(`GET /orders/${other.id}/filesTask/${task?.id}/files/available`)).status).toBe(404);
  });
});

describe("nobody else sees an order's files", () => {
  const routes = (id: number, file: number) => [
    `GET /user/orders/${id}/files/available`,
    `GET /orders/${id}/files/available`,
    `GET /orders/${id}/filesTask/1/files/available`,
    `GET /user/orders/${id}/download`,
    `HEAD /user/orders/${id}/download`,
    `GET /orders/files/${file}`,
    `HEAD /orders/files/${file}`,
  ];
  test("P6: another user gets 403 and an empty body on every route", async () => {
    const { id, files } = await world.order(AVAILABLE);
    for (const route of routes(id, files[0]!)) {
      const response = await world.call(route, { as: BOB });
      expect([route, response.status, await response.text()]).toEqual([route, 403, ""]);
    }
    expect(await world.states(id)).toEqual(["AVAILABLE", "AVAILABLE"]);
  });

  test("P22: an administrator may", async () => {
    const { id, files } = await world.order(AVAILABLE);
    for (const route of routes(id, files[0]!)) {
      const { status } = await world.call(route, { as: ADMIN });
      expect([route, [200, 206, 404].includes(status)]).toEqual([route, true]);
    }
  });

  test("404 for what is not there", async () => {
    expect((await world.call("GET /user/orders/999999/files/available")).status).toBe(404);
    const response = await world.call("GET /orders/files/999999");
    expect([response.status, await response.json()]).toEqual([
      404,
      { messages: ["Data file with id: 999999 doesn't exist."] },
    ]);
  });
});
