import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { readSettings } from "#store/settings.ts";
import { ADA, type ApiWorld, apiWorld } from "#test/support/api-world.ts";
import { basketOf, counts, told } from "#test/support/basket-calls.ts";
import { addBasketProducts, datasetOf } from "#test/support/basket-products.ts";

let world: ApiWorld;
beforeAll(async () => {
  world = await apiWorld("api_basket_upload");
  await addBasketProducts(
    world.db,
    [
      ...datasetOf("DS1", { products: 2, bytes: 200 }),
      ...datasetOf("DS2", { products: 1, bytes: 100 }),
      { name: "hidden-1", dataset: "Hidden", isPublic: false },
    ],
    world.clock.now,
  );
});
afterAll(() => world.close());
beforeEach(async () => {
  await world.db`DELETE FROM baskets`;
});

describe("B4", () => {
  const upload = async (content: string | Uint8Array, o: { field?: string; as?: string } = {}) => {
    const form = new FormData();
    form.append("comment", "not the file\r\n");
    form.append(o.field ?? "file", new Blob([content as string]), "ids.txt");
    const { headers, body } = new Response(form);
    const authorization = `Bearer ${await world.token(o.as ?? ADA)}`;
    const request = await world.request("POST /order/basket/selection/upload");
    return world.app.handle(
      new Request(request.url, {
        method: "POST",
        headers: { authorization, "content-type": headers.get("content-type") ?? "" },
        ...(body && { body, duplex: "half" }),
      } as RequestInit),
    );
  };

  test("BasketServiceAddSelectionTest, from file: trims, leaves out blank and unknown lines", async () => {
    const basket = await basketOf(await upload("\ufeffDS1-0\r\n\r\n  DS2-0  \nunknown\n\nhidden-1\nDS1-0"));
    expect(basket.datasetSelections.map((one) => [one.datasetLabel, one.objectsCount])).toEqual([
      ["DS1", 1],
      ["DS2", 1],
    ]);
    expect(basket.datasetSelections[0]?.itemsSelections[0]?.selectionRequest["searchParameters"]).toEqual({
      q: ['last=true AND providerId=("DS1-0" OR "DS2-0" OR "unknown" OR "hidden-1")'],
    });
  });

  test("several pages: 500 ids are five selections", async () => {
    const products = Array.from({ length: 500 }, (_, i) => ({ name: `bulk-${i}`, dataset: "Bulk" }));
    await addBasketProducts(world.db, products, world.clock.now);
    const basket = await basketOf(await upload(products.map(({ name }) => name).join("\n")));
    const [dataset] = basket.datasetSelections;
    expect([dataset?.objectsCount, dataset?.itemsSelections.map((item) => item.objectsCount)]).toEqual([
      500,
      [100, 100, 100, 100, 100],
    ]);
  });

  test("a hundred lines that find nothing do not undo the others", async () => {
    const nothing = (from: number) => Array.from({ length: 100 }, (_, i) => `nothing-${from + i}`);
    const lines = [...nothing(0), "DS1-0", ...nothing(100).slice(1), ...nothing(200)];
    expect(counts(await basketOf(await upload(lines.join("\n"))))).toMatchObject([["DS1", 1, expect.any(Number)]]);
  });

  test("204 when nothing is found", async () => {
    expect((await upload("nothing\n")).status).toBe(204);
    expect((await upload("")).status).toBe(204);
    expect((await world.call("GET /order/basket")).status).toBe(204);
  });

  test("too many elements: 413 beyond the limit, blank lines not counted, and nothing is put in", async () => {
    const { basket_upload_max_lines: limit } = await readSettings(world.db);
    expect(limit).toBe(1000);
    const lines = Array.from({ length: limit }, () => "DS1-0\n\n").join("");
    expect((await upload(lines)).status).toBe(200);
    await world.call("DELETE /order/basket");
    expect(await told(await upload(`${lines}DS1-1`))).toEqual([413, ["Input file exceed max lines limit (1000)"]]);
    expect((await world.call("GET /order/basket")).status).toBe(204);
  });

  test("stops to read once there are too many lines", async () => {
    let sent = 0;
    const head = '--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n';
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(new TextEncoder().encode(sent++ === 0 ? head : "DS1-0\n".repeat(100)));
      },
    });
    const { url } = await world.request("POST /order/basket/selection/upload");
    const headers = {
      authorization: `Bearer ${await world.token(ADA)}`,
      "content-type": "multipart/form-data; boundary=b",
    };
    const response = await world.app.handle(
      new Request(url, { method: "POST", headers, body, duplex: "half" } as RequestInit),
    );
    expect(response.status).toBe(413);
    expect(sent).toBeLessThan(50);
  });

  test("ids are values, whatever they hold", async () => {
    await addBasketProducts(world.db, [{ name: 'quo"ted\\', dataset: "Odd" }], world.clock.now);
    expect(counts(await basketOf(await upload('quo"ted\\\n") OR (*\n')))).toMatchObject([["Odd", 1, 1000]]);
  });

  test("long ids make shorter chunks", async () => {
    const long = Array.from({ length: 100 }, (_, i) => `${i}`.padStart(255, "x"));
    expect(counts(await basketOf(await upload([...long, "DS1-0", "y".repeat(300)].join("\n"))))).toHaveLength(1);
  });

  test("refuses what is no form (415), has no file (400), is no text (400)", async () => {
    const plain = await world.call("POST /order/basket/selection/upload", { body: "DS1-0" });
    expect(await told(plain)).toEqual([
      415,
      ["Cannot read the body: expected multipart/form-data, got 'application/json'"],
    ]);
    expect(await told(await upload("DS1-0", { field: "other" }))).toEqual([
      400,
      [expect.stringContaining("Cannot read the form")],
    ]);
    expect((await upload(new Uint8Array([0xff, 0xfe, 0xfd]))).status).toBe(400);
  });
});
