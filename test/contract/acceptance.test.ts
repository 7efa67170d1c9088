/**
 * Behaviours that the contract's own tests hold (rs-order.md §13) and that no operation's or defect's test here shows already, each under
 * its name there. docs/contract.md says where the others are, and which are not and why.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { readZip } from "#test/support/read-zip.ts";
import {
  contentOf,
  type ServedWorld,
  type ShownOrder,
  servedWorld,
  type UserName,
} from "#test/support/served-world.ts";

let world: ServedWorld;
beforeAll(async () => {
  world = await servedWorld("contract_acceptance");
}, 60_000);
afterAll(() => world.close());

const SLOW_MS = 60_000;

async function statusOf(route: string, as: UserName = "ada"): Promise<number> {
  return (await world.call(route, { as })).status;
}

const runningSubOrders = async (id: number) =>
  (await world.db`SELECT number FROM sub_orders WHERE order_id = ${id} AND state = 'Running'`).length;

describe("OrderServiceTestIT", () => {
  test(
    "simpleOrderPause, multipleDsOrderPause, multipleDsOrderPauseAndDelete: its work stops, it is paused, it may be deleted",
    async () => {
      const id = await world.apply(["A1", "S1"]);
      await eventually("A1 is there", async () => (await world.fileOf(id, "A1")).state === "AVAILABLE", LIMIT.slow);
      expect(await statusOf(`PUT /user/orders/pause/${id}`)).toBe(200);
      await world.orderAt(id, "PAUSED");
      await eventually("its work has stopped", async () => (await runningSubOrders(id)) === 0, LIMIT.slow);
      expect((await world.fileOf(id, "A1")).state).toBe("AVAILABLE");
      expect(await statusOf(`DELETE /user/orders/${id}`)).toBe(200);
      await world.orderAt(id, "DELETED");
    },
    SLOW_MS,
  );

  test(
    "pauseOrderWhenNotOwner, resumeOrderWhenNotOwner, pauseAndResumeOrderWhenAdminAndNotOwner",
    async () => {
      const id = await world.running();
      expect(await statusOf(`PUT /user/orders/pause/${id}`, "bob")).toBe(401);
      expect(await statusOf(`PUT /user/orders/pause/${id}`, "admin")).toBe(200);
      await world.orderAt(id, "PAUSED");
      expect(await statusOf(`PUT /user/orders/resume/${id}`, "bob")).toBe(401);
      expect(await statusOf(`PUT /user/orders/resume/${id}`, "admin")).toBe(200);
      await world.orderAt(id, "RUNNING");
    },
    SLOW_MS,
  );
});

describe("OrderServiceIT, OrderDataFileControllerIT", () => {
  test(
    "test_hasCurrentUserAccessTo, test_accessRights: owner, ADMIN, PROJECT_ADMIN and INSTANCE_ADMIN, nobody else",
    async () => {
      const id = await world.ended(["A1"]);
      const { id: file } = await world.fileOf(id, "A1");
      for (const as of ["ada", "admin", "chief", "root"] as const) {
        expect([as, await statusOf(`GET /user/orders/${id}`, as)]).toEqual([as, 200]);
        expect([as, await statusOf(`GET /orders/files/${file}`, as)]).toEqual([as, 200]);
      }
      for (const as of ["bob", "exploiter"] as const) {
        expect([as, await statusOf(`GET /orders/files/${file}`, as)]).toEqual([as, 403]);
      }
    },
    SLOW_MS,
  );

  async function ordered(filter: object): Promise<ShownOrder> {
    const body = { engineType: "legacy", searchParameters: { q: ['providerId:("A1" "A2" "A3")'] } };
    const basket = await world.call("POST /order/basket/selection", { body });
    const { content } = (await basket.json()) as { content: { datasetSelections: { id: number }[] } };
    const route = `PUT /order/basket/dataset/${content.datasetSelections[0]?.id}/updateFileFilters`;
    expect((await world.call(route, { body: filter })).status).toBe(200);
    const made = await world.call("POST /user/orders", { body: {} });
    const { id } = ((await made.json()) as { content: ShownOrder }).content;
    return world.orderAt(id, "DONE", "DONE_WITH_WARNING", "FAILED");
  }

  test(
    "test_dataFilesNoFilter, test_dataFilesNameFilter, test_dataFilesFiltersWithNoResults",
    async () => {
      expect(await ordered({ fileTypes: ["RAWDATA"] })).toMatchObject({ status: "DONE", availableFilesCount: 3 });
      expect(await ordered({ fileNamePattern: ".*[13]\\.tif" })).toMatchObject({ availableFilesCount: 2 });
      expect(await ordered({ fileTypes: ["QUICKLOOK"] })).toMatchObject({
        status: "DONE_WITH_WARNING",
        availableFilesCount: 0,
        percentCompleted: 100,
        message: "No file match filters.",
      });
    },
    SLOW_MS,
  );
});

describe("OrderServiceTestIT, files of datasets", () => {
  test(
    "testDataSetFilesAttached: a dataset's own files come along once, whatever the filters say",
    async () => {
      world.source.files.set("/guide.pdf", { bytes: contentOf("guide") });
      await world.db`
        INSERT INTO dataset_files (dataset_id, position, type, filename, uri, mime_type)
        SELECT id, 0, 'RAWDATA', 'guide.pdf', ${`${world.source.url}/guide.pdf`}, 'application/pdf' FROM datasets WHERE label = 'images'`;
      const id = await world.ended(["A1", "A2"], {
        body: { filters: { dataTypes: ["RAWDATA"], filenameRegExp: ".*tif" } },
      });
      expect(await world.orderAt(id, "DONE")).toMatchObject({
        availableFilesCount: 3,
        datasetTasks: [{ datasetLabel: "images", objectsCount: 2, filesCount: 3 }],
      });
      const zip = await (await world.call(`GET /user/orders/${id}/download`)).arrayBuffer();
      expect(readZip(new Uint8Array(zip))).toHaveProperty(["guide.pdf"], contentOf("guide").toString());
      await world.db`DELETE FROM dataset_files`;
    },
    SLOW_MS,
  );
});

describe("OrderServiceUnavailableFilesIT, OrderServiceAmqpIT", () => {
  type Told = { kind: string; message?: string; downloadLink?: string };
  const told = (id: number) => world.db<Told[]>`
    SELECT kind, payload->>'message' AS message, payload->>'downloadLink' AS download_link FROM outbox
    WHERE order_id = ${id} AND kind IN ('GRANTED', 'SUBORDER_DONE', 'DONE', 'FAILED') ORDER BY id`;

  test(
    "testBucketsJobsWithUnavailableFiles, test_withEmptyBucket: no file can be had: FAILED, 100 %, told once and without a sub-order",
    async () => {
      const id = await world.ended(["B1"]);
      expect(await world.orderAt(id, "FAILED")).toMatchObject({ percentCompleted: 100, filesInErrorCount: 1 });
      expect((await told(id)).map(({ kind }) => kind)).toEqual(["GRANTED", "FAILED"]);
    },
    SLOW_MS,
  );

  test(
    "test_whenOrderFinishedThenAmqpCorrectlySent: the second sub-order after the first is fetched, then one DONE with its link",
    async () => {
      await world.set({ sub_order_max_files: 1, download_gate: "Always", gate_sub_orders_per_user: 1 });
      const as = "exploiter";
      const id = await world.apply(["A1", "A2"], { as });
      const kinds = async () => (await told(id)).map(({ kind }) => kind).join(" ");
      await eventually("one is told", async () => (await kinds()) === "GRANTED SUBORDER_DONE", LIMIT.slow);
      await (await world.call(`GET /user/orders/${id}/download`, { as })).arrayBuffer();
      await world.orderAt(id, "DONE");
      expect([...(await told(id))]).toEqual([
        expect.objectContaining({ kind: "GRANTED" }),
        expect.objectContaining({ kind: "SUBORDER_DONE", downloadLink: expect.stringContaining(`/${id}/download`) }),
        expect.objectContaining({ kind: "SUBORDER_DONE" }),
        expect.objectContaining({ kind: "DONE", downloadLink: expect.stringContaining(`/${id}/download`) }),
      ]);
      await world.asAtFirst();
    },
    SLOW_MS,
  );
});
