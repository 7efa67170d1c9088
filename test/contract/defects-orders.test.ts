/**
 * The defects of the service that this one stands in for (rs-order.md §12.2), one test each: it does not have them. Those of orders and
 * their owners, against the served program; the others stand in defects-delivery.test.ts, or where docs/contract.md says.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { contentOf, linkOf, type ServedWorld, type ShownOrder, servedWorld } from "#test/support/served-world.ts";

let world: ServedWorld;
beforeAll(async () => {
  world = await servedWorld("contract_defects_orders");
}, 60_000);
afterAll(() => world.close());
afterEach(() => world.asAtFirst());

const SLOW_MS = 60_000;

describe("orders that do not wait for each other, and end", () => {
  test(
    "P2: a source that is not ready holds no worker: with room for one sub-order, another order is done meanwhile",
    async () => {
      await world.set({ max_running_sub_orders: 1 });
      const waiting = await world.running();
      const done = await world.ended(["A1"], { as: "bob" });
      expect(await world.orderAt(done, "DONE")).toMatchObject({ availableFilesCount: 1 });
      await world.orderAt(waiting, "RUNNING");
    },
    SLOW_MS,
  );

  test(
    "P3 (testBucketsJobs): sub-orders come one after the other without anybody fetching the ready ones; where a tenant wants the gate, the order says so",
    async () => {
      await world.set({ sub_order_max_files: 1, max_running_sub_orders_per_user: 1 });
      const free = await world.ended(["A1", "A2", "A3"]);
      expect((await world.orderAt(free, "DONE")).subOrders).toMatchObject({ total: 3, succeeded: 3 });
      await world.set({ download_gate: "Always", gate_sub_orders_per_user: 1 });
      const held = await world.apply(["A1", "A2"], { as: "exploiter" });
      const shown = await eventually(
        "it says that it waits",
        async () => {
          const response = await world.call(`GET /user/orders/${held}`, { as: "exploiter" });
          const { content } = (await response.json()) as { content: ShownOrder & { waitingForUser: boolean } };
          return content.waitingForUser && content.message !== undefined ? content : undefined;
        },
        LIMIT.slow,
      );
      expect(shown).toMatchObject({ status: "RUNNING", availableFilesCount: 1 });
      await world.reset(
        "download_gate",
        "gate_sub_orders_per_user",
        "sub_order_max_files",
        "max_running_sub_orders_per_user",
      );
      await world.orderAt(held, "DONE");
    },
    SLOW_MS,
  );

  test(
    "P4: what cannot be is refused at once; what was accepted is done, also when the program is killed",
    async () => {
      const wrong = { queries: ['providerId:"A1"'], filters: { dataTypes: ["RAWDATA"], filenameRegExp: "test**" } };
      const refused = await world.call("POST /user/orders/apply", { body: wrong });
      expect([refused.status, JSON.stringify(await refused.json())]).toEqual([
        422,
        expect.stringContaining("filters.filenameRegExp"),
      ]);
      const id = await world.apply(["A1", "A2"]);
      await world.killedAndStarted();
      expect(await world.orderAt(id, "DONE")).toMatchObject({ availableFilesCount: 2 });
    },
    SLOW_MS,
  );

  test(
    "P12: files that are empty, and files whose size nobody knows, are ordered and delivered",
    async () => {
      await world.product("EMPTY", new Uint8Array());
      await world.product("UNSIZED");
      await world.db`UPDATE product_files SET size = NULL WHERE filename = 'UNSIZED.tif'`;
      expect(await world.orderAt(await world.ended(["EMPTY"]), "DONE")).toMatchObject({ availableFilesCount: 1 });
      const both = await world.ended(["EMPTY", "UNSIZED"]);
      expect(await world.orderAt(both, "DONE")).toMatchObject({ availableFilesCount: 2, percentCompleted: 100 });
    },
    SLOW_MS,
  );

  test(
    "P18: progress moves as files come, also where they weigh nothing beside what is awaited",
    async () => {
      await world.product("WEIGHTLESS", new Uint8Array());
      const id = await world.apply(["WEIGHTLESS", "A1", "S1"]);
      const shown = await eventually(
        "two files of three are there",
        async () => {
          const order = await world.orderAt(id, "RUNNING");
          return order.availableFilesCount === 2 ? order : undefined;
        },
        LIMIT.slow,
      );
      expect(shown.percentCompleted).toBeWithin(1, 100);
    },
    SLOW_MS,
  );

  test(
    "P29: a product of more files than a sub-order may have is cut",
    async () => {
      await world.product("WIDE");
      world.source.files.set("/WIDE-2.tif", { bytes: contentOf("WIDE") });
      await world.db`
        INSERT INTO product_files (product_id, position, type, filename, uri, mime_type, size)
        SELECT product_id, 1, type, 'WIDE-2.tif', ${`${world.source.url}/WIDE-2.tif`}, mime_type, size
        FROM product_files WHERE filename = 'WIDE.tif'`;
      await world.db`UPDATE products SET type_files = '{2,0,0,0}', type_bytes = ARRAY[type_bytes[1] * 2, 0, 0, 0] WHERE provider_id = 'WIDE'`;
      await world.set({ sub_order_max_files: 1 });
      const id = await world.ended(["WIDE"]);
      expect((await world.orderAt(id, "DONE")).subOrders).toMatchObject({ total: 2, succeeded: 2 });
    },
    SLOW_MS,
  );

  test(
    "P30: an order lives the longer the more sub-orders it has, where the tenant's limit leaves room for it",
    async () => {
      await world.set({ expiration_max_duration_in_hours: 10_000, sub_order_max_files: 1 });
      const hours = async (...products: string[]) => {
        const { expirationDate, ...order } = await world.orderAt(await world.ended(products), "DONE");
        return Math.round((Date.parse(expirationDate ?? "") - Date.parse(order.creationDate)) / 3_600_000);
      };
      // (sub-orders + 2) × the two hours of an order by query
      expect([await hours("A1"), await hours("A1", "A2", "A3")]).toEqual([6, 10]);
    },
    SLOW_MS,
  );
});

describe("whose order it is", () => {
  test(
    "P6: zip, metalink and files of a dataset are for the order's owner",
    async () => {
      const id = await world.ended(["A1"]);
      const { datasetTasks } = await world.orderAt(id, "DONE");
      for (const path of ["download", "metalink/download"]) {
        expect((await world.call(`GET /user/orders/${id}/${path}`, { as: "bob" })).status).toBe(403);
      }
      const files = await world.call(`GET /orders/${id}/dataset/${datasetTasks[0]?.id}/files`, { as: "bob" });
      expect(files.status).toBe(403);
    },
    SLOW_MS,
  );

  test(
    "P7: an order's token opens the files of that order alone",
    async () => {
      const [first, second] = [await world.ended(["A1"]), await world.ended(["A1"])];
      const link = linkOf(await world.metalink(first));
      expect((await world.call(`GET ${link}`, { as: null })).status).toBe(200);
      const other = link.replace(/files\/\d+/, `files/${(await world.fileOf(second, "A1")).id}`);
      expect((await world.call(`GET ${other}`, { as: null })).status).toBe(403);
    },
    SLOW_MS,
  );

  test(
    "P22: an administrator who may pause an order may read it too",
    async () => {
      const id = await world.running();
      expect((await world.call(`GET /user/orders/${id}`, { as: "admin" })).status).toBe(200);
      expect((await world.call(`PUT /user/orders/pause/${id}`, { as: "admin" })).status).toBe(200);
    },
    SLOW_MS,
  );

  test(
    "P31: links of a metalink that an administrator asked for work for whoever has them",
    async () => {
      const id = await world.ended(["A1"]);
      const response = await world.call(`GET ${linkOf(await world.metalink(id, "admin"))}`, { as: null });
      expect([response.status, await response.text()]).toEqual([200, contentOf("A1").toString()]);
    },
    SLOW_MS,
  );

  test("P32: what is counted is what the owner may have, also under a limit of bytes", async () => {
    await world.product("HIDDEN");
    await world.db`UPDATE datasets SET public = false WHERE label = 'HIDDEN'`;
    const both = (o: object) => ({
      queries: ['providerId:("A1" "HIDDEN")'],
      filters: { dataTypes: ["RAWDATA"] },
      ...o,
    });
    const sizeLimitInBytes = contentOf("A1").length;
    const allowed = await world.call("POST /user/orders/apply", { body: both({ sizeLimitInBytes }) });
    const { orderId = 0 } = (await allowed.json()) as { orderId?: number };
    expect([allowed.status, (await world.orderAt(orderId, "DONE")).availableFilesCount]).toEqual([201, 1]);
    const hidden = await world.call("POST /user/orders/apply", { body: both({ queries: ['providerId:"HIDDEN"'] }) });
    expect(hidden.status).toBe(422);
    expect(
      (await world.call("POST /user/orders/apply", { as: "admin", body: both({ sizeLimitInBytes }) })).status,
    ).toBe(422);
  });
});

describe("one request, one order", () => {
  test("P8: an order by query leaves the caller's basket alone", async () => {
    const body = { engineType: "legacy", searchParameters: { q: ['providerId:"A3"'] } };
    await world.call("POST /order/basket/selection", { body });
    const before = await (await world.call("GET /order/basket")).text();
    const id = await world.ended(["A1"]);
    expect(await (await world.call("GET /order/basket")).text()).toBe(before);
    expect((await world.orderAt(id, "DONE")).availableFilesCount).toBe(1);
  });

  test("P9: twenty times the same request at once is one order", async () => {
    const body = { queries: ['providerId:"A1"'], filters: { dataTypes: ["RAWDATA"] }, correlationId: "P9" };
    const answers = await Promise.all(
      Array.from({ length: 20 }, async () => (await world.call("POST /user/orders/apply", { body })).json()),
    );
    expect(new Set(answers.map((answer) => (answer as { orderId: number }).orderId)).size).toBe(1);
  });

  test("P11: a correlation id of 255 characters is kept whole", async () => {
    const correlationId = "c".repeat(255);
    const id = await world.apply(["A1"], { body: { correlationId } });
    expect((await world.orderAt(id, "PENDING", "RUNNING", "DONE")).correlationId).toBe(correlationId);
  });

  test("P21: orders of one second without a label all get one", async () => {
    const body = { engineType: "legacy", searchParameters: { q: ['providerId:"A1"'] } };
    const labels = new Set<string>();
    for (let n = 0; n < 3; n++) {
      await world.call("POST /order/basket/selection", { body });
      const made = await world.call("POST /user/orders", { body: {} });
      expect(made.status).toBe(201);
      labels.add(((await made.json()) as { content: ShownOrder }).content.label);
    }
    expect(labels.size).toBe(3);
  });
});
