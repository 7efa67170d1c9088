import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ADA, ADMIN, type ApiWorld, apiWorld, BOB, PREFIX, PUBLIC_URL } from "#test/support/api-world.ts";

let world: ApiWorld;
beforeAll(async () => {
  world = await apiWorld("api_dataset_files");
});
afterAll(() => world.close());

type Page = {
  metadata: Record<string, number>;
  content: { content: Record<string, unknown>; links: { rel: string; href: string }[] }[];
  links: { rel: string; href: string }[];
};

async function order() {
  const made = await world.order([
    { name: "c.txt", content: "ccc" },
    { name: "a.txt", error: "no" },
    { name: "b.txt" },
  ]);
  const [dataset] = await world.db<{ id: number }[]>`SELECT id FROM order_datasets WHERE order_id = ${made.id}`;
  return { ...made, dataset: dataset?.id ?? 0 };
}

const ask = (orderId: number, dataset: number, o: { query?: string; as?: string } = {}) =>
  world.call(`GET /orders/${orderId}/dataset/${dataset}/files${o.query ?? ""}`, { as: o.as ?? ADA });

describe("F3 files of a dataset", () => {
  test("testFindAllOrderFiles: every file in whatever state, without the archive's own addresses", async () => {
    const { id, files, dataset } = await order();
    const response = await ask(id, dataset);
    expect(response.status).toBe(200);
    const text = await response.text();
    expect(text).not.toContain("source.example.org");
    const page = JSON.parse(text) as Page;
    expect(page.metadata).toEqual({ size: 20, totalElements: 3, totalPages: 1, number: 0 });
    expect(page.content.map(({ content }) => content["state"])).toEqual(["AVAILABLE", "ERROR", "PENDING"]);
    const href = `${PUBLIC_URL}${PREFIX}/orders/files/${files[1]}`;
    const [subOrder] = await world.db<{ id: number }[]>`SELECT id FROM sub_orders WHERE order_id = ${id}`;
    expect(page.content[1]).toEqual({
      content: {
        id: files[1] ?? 0,
        state: "ERROR",
        orderId: id,
        filesTaskId: subOrder?.id ?? 0,
        ipId: "URN:product:1",
        url: href,
        uri: href,
        downloadError: "no",
        productId: "product-1",
        version: 1,
        dataType: "RAWDATA",
        reference: false,
        mimeType: "text/plain",
        filesize: 1000,
        filename: "a.txt",
      },
      links: [{ rel: "self", href }],
    });
  });

  test("P28: sorts as asked, over pages whose links keep the order", async () => {
    const { id, dataset } = await order();
    const page = (await (await ask(id, dataset, { query: "?sort=filename,desc&size=2" })).json()) as Page;
    expect(page.content.map(({ content }) => content["filename"])).toEqual(["c.txt", "b.txt"]);
    const next = page.links.find((link) => link.rel === "next")?.href ?? "";
    expect(next).toEndWith("/files?sort=filename,desc&page=1&size=2");
    const rest = (await (await ask(id, dataset, { query: new URL(next).search })).json()) as Page;
    expect(rest.content.map(({ content }) => content["filename"])).toEqual(["a.txt"]);
  });

  test("an unknown field to sort by is refused with the known ones", async () => {
    const { id, dataset } = await order();
    const response = await ask(id, dataset, { query: "?sort=colour" });
    expect([response.status, await response.json()]).toEqual([
      422,
      {
        messages: [
          "sort: unknown field 'colour'; expected one of id, state, productId, version, dataType, filename, filesize, mimeType, reference, then asc or desc",
        ],
      },
    ]);
  });

  test("P28: a dataset of another order is not found under this one", async () => {
    const [one, other] = [await order(), await order()];
    const response = await ask(one.id, other.dataset);
    expect([response.status, await response.text()]).toEqual([404, ""]);
  });

  test("P6: 403 for another user, 200 for an administrator", async () => {
    const { id, dataset } = await order();
    expect((await ask(id, dataset, { as: BOB })).status).toBe(403);
    expect((await ask(id, dataset, { as: ADMIN })).status).toBe(200);
    expect((await ask(999_999, dataset)).status).toBe(404);
  });
});
