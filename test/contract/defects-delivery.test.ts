/** The defects of the service that this one stands in for (rs-order.md §12.2), one test each: those of delivery, and of how an order is told and leaves. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { readZip } from "#test/support/read-zip.ts";
import { contentOf, emailOf, type ServedWorld, type ShownOrder, servedWorld } from "#test/support/served-world.ts";

let world: ServedWorld;
beforeAll(async () => {
  world = await servedWorld("contract_delivery");
}, 60_000);
afterAll(() => world.close());
afterEach(() => world.asAtFirst());

const SLOW_MS = 60_000;

describe("what is delivered", () => {
  test(
    "P10: two datasets of one label are both ordered",
    async () => {
      await world.product("TWIN-1");
      await world.product("TWIN-2");
      await world.db`UPDATE datasets SET label = 'twins' WHERE label IN ('TWIN-1', 'TWIN-2')`;
      const id = await world.ended(["TWIN-1", "TWIN-2"]);
      const { datasetTasks, availableFilesCount } = await world.orderAt(id, "DONE");
      expect([datasetTasks.map((task) => task.datasetLabel), availableFilesCount]).toEqual([["twins", "twins"], 2]);
    },
    SLOW_MS,
  );

  test(
    "P13 (test_download_zip_with_identical_files, which delivered five of six): files with the same bytes are all delivered",
    async () => {
      await world.product("SAME-1", contentOf("SAME"));
      await world.product("SAME-2", contentOf("SAME"));
      const id = await world.ended(["SAME-1", "SAME-2"]);
      const zip = await (await world.call(`GET /user/orders/${id}/download`)).arrayBuffer();
      expect(Object.keys(readZip(new Uint8Array(zip))).sort()).toEqual(["SAME-1.tif", "SAME-2.tif"]);
    },
    SLOW_MS,
  );

  test(
    "P14: a retry fetches what failed and leaves the rest as it is",
    async () => {
      const id = await world.ended(["A1", "B1"]);
      await (await world.call(`GET /user/orders/${id}/download`)).arrayBuffer();
      await eventually("A1 is fetched", async () => (await world.fileOf(id, "A1")).state === "DOWNLOADED", LIMIT.slow);
      const { subOrders } = await world.orderAt(id, "DONE_WITH_WARNING");
      const asked = () => world.source.requests.filter(({ path }) => path === "/A1.tif").length;
      const before = asked();
      world.source.files.set("/B1.tif", { bytes: contentOf("B1") });
      await world.call(`PUT /user/orders/${id}/retry`);
      expect((await world.orderAt(id, "DONE")).subOrders.total).toBe(subOrders.total);
      expect([(await world.fileOf(id, "A1")).state, (await world.fileOf(id, "B1")).state, asked()]).toEqual([
        "DOWNLOADED",
        "AVAILABLE",
        before,
      ]);
      world.source.files.delete("/B1.tif");
    },
    SLOW_MS,
  );

  test(
    "P15: the archive has a length and goes on where it was cut",
    async () => {
      const id = await world.ended(["A1", "A2"]);
      const whole = await world.call(`GET /user/orders/${id}/download`);
      const bytes = Buffer.from(await whole.arrayBuffer());
      expect(whole.headers.get("content-length")).toBe(String(bytes.length));
      const headers = { range: "bytes=100-", "if-range": whole.headers.get("etag") ?? "" };
      const rest = await world.call(`GET /user/orders/${id}/download`, { headers });
      expect([rest.status, Buffer.from(await rest.arrayBuffer())]).toEqual([206, bytes.subarray(100)]);
    },
    SLOW_MS,
  );

  test(
    "P16: a file counts as fetched when all of it went out, not before",
    async () => {
      const id = await world.ended(["A1"]);
      const file = await world.fileOf(id, "A1");
      await (await world.call(`GET /orders/files/${file.id}`, { headers: { range: "bytes=5-" } })).text();
      expect((await world.fileOf(id, "A1")).state).toBe("AVAILABLE");
      await (await world.call(`GET /orders/files/${file.id}`)).text();
      await eventually(
        "it is told as fetched",
        async () => (await world.fileOf(id, "A1")).state === "DOWNLOADED",
        LIMIT.slow,
      );
    },
    SLOW_MS,
  );

  test(
    "P17: a metalink has hashes and no file that failed; with nothing to list there is none",
    async () => {
      const document = await world.metalink(await world.ended(["A1", "B1"]));
      expect(document).toContain(createHash("sha256").update(contentOf("A1")).digest("hex"));
      expect(document).not.toContain("B1.tif");
      const failed = await world.ended(["B1"]);
      expect((await world.call(`GET /user/orders/${failed}/metalink/download`)).status).toBe(404);
    },
    SLOW_MS,
  );

  test(
    "P28: files of a dataset are those of this order, sorted as asked",
    async () => {
      const id = await world.ended(["A1", "A2", "A3"]);
      const { datasetTasks } = await world.orderAt(id, "DONE");
      const route = `/dataset/${datasetTasks[0]?.id}/files?sort=filename,desc`;
      const page = (await (await world.call(`GET /orders/${id}${route}`)).json()) as {
        content: { content: { filename: string } }[];
      };
      expect(page.content.map((one) => one.content.filename)).toEqual(["A3.tif", "A2.tif", "A1.tif"]);
      const other = await world.ended(["A1"]);
      expect((await world.call(`GET /orders/${other}${route}`)).status).toBe(404);
    },
    SLOW_MS,
  );
});

describe("what is told, and how an order leaves", () => {
  test(
    "P19: a cancelled order keeps what is there, says so, and can be fetched",
    async () => {
      const id = await world.apply(["A1", "S1"]);
      await eventually("A1 is there", async () => (await world.fileOf(id, "A1")).state === "AVAILABLE", LIMIT.slow);
      expect((await world.call(`PUT /user/orders/${id}/cancel`, { as: "bob" })).status).toBe(401);
      expect((await world.call(`PUT /user/orders/${id}/cancel`)).status).toBe(200);
      expect(await world.orderAt(id, "DONE_WITH_WARNING")).toMatchObject({
        availableFilesCount: 1,
        filesInErrorCount: 1,
      });
      const zip = await (await world.call(`GET /user/orders/${id}/download`)).arrayBuffer();
      expect(readZip(new Uint8Array(zip))).toHaveProperty(["A1.tif"]);
    },
    SLOW_MS,
  );

  test(
    "P20: reason, correlation id and sub-orders are shown",
    async () => {
      const id = await world.ended(["A1", "B1"], { body: { correlationId: "P20" } });
      const order = await world.orderAt(id, "DONE_WITH_WARNING");
      expect(order).toMatchObject({ correlationId: "P20", subOrders: { total: 2, succeeded: 1, failed: 1 } });
      expect(order.message).toBeString();
    },
    SLOW_MS,
  );

  test(
    "P25: a failed order has a date on which it leaves, and an administrator of the tenant may remove what is deleted",
    async () => {
      const id = await world.ended(["B1"]);
      expect((await world.orderAt(id, "FAILED")).expirationDate).toBeString();
      await world.call(`DELETE /user/orders/${id}`);
      await world.orderAt(id, "DELETED");
      expect((await world.call(`DELETE /user/orders/remove/${id}`, { as: "admin" })).status).toBe(200);
    },
    SLOW_MS,
  );

  test(
    "P26: a deleted order has no files to fetch, and says so",
    async () => {
      const id = await world.ended(["A1"]);
      await world.call(`DELETE /user/orders/${id}`);
      await world.orderAt(id, "DELETED");
      const gone = await eventually(
        "its counters follow",
        async () => {
          const response = await world.call(`GET /user/orders/${id}`, { as: "admin" });
          const { content } = (await response.json()) as { content: ShownOrder };
          return content.availableFilesCount === 0 ? content : undefined;
        },
        LIMIT.slow,
      );
      expect(gone.owner).toBe(emailOf("ada"));
    },
    SLOW_MS,
  );
});
