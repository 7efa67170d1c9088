/** Orders with processes: cut into runs, delivered as what the runs gave, refused for what may not be, and never given out raw (P27). */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { orderName } from "#crds/names.ts";
import type { Selection } from "#crds/order.ts";
import { subOrdersOf } from "#store/files.ts";
import { findOrder, insertOrder } from "#store/orders.ts";
import { ADA, type OperatorWorld, operatorWorld, someProducts } from "#test/support/operator-world.ts";

let world: OperatorWorld;
let nextId = 1;
beforeAll(async () => {
  world = await operatorWorld("operator_processes", { config: { sweepSeconds: 0.2 } });
  const width = { type: "integer", minimum: 1 };
  await world.process("cut", { scope: "Product", parameters: { properties: { width, mode: { default: "fast" } } } });
  await world.process("pairs", { limits: { products: 2 } });
  await world.process("whole", { limits: { products: 2, forbidSplit: true } });
  await world.process("elsewhere", { datasets: ["another"] });
  await world.process("admins", { role: "ADMIN" });
  await world.start().ready;
});
afterAll(() => world.stop());

function put(prefix: string, count: number): void {
  world.products.push(...someProducts(prefix, count, { firstId: nextId }));
  nextId += count;
}

const filesOf = (orderId: number) =>
  world.db<{ fileType: string; state: string; filename: string }[]>`
    SELECT file_type, state, filename FROM order_files WHERE order_id = ${orderId} ORDER BY sub_order, id`;

test("runAllTestsInSingleInstance: a process per product gives a run for each, with its parameters read and the user sees what they gave", async () => {
  put("each", 3);
  const process = { name: "cut", parameters: { width: "5" } };
  await world.apply("each", { selections: [{ query: "each", process }] });
  await world.until("each", "AllFilesAvailable");
  const row = await world.row("each");
  expect(row).toMatchObject({ status: "DONE", productsFound: 3, files: { total: 3, available: 3 } });
  const runs = await subOrdersOf(world.db, row.id, { limit: 10 });
  const run = { name: "cut", parameters: { width: 5, mode: "fast" }, scope: "Product" };
  expect(runs.map((s) => s.process)).toEqual([run, run, run] as (typeof runs)[number]["process"][]);
  expect([...(await filesOf(row.id))]).toEqual(
    [1, 2, 3].map((n) => ({ fileType: "OTHER", state: "AVAILABLE", filename: `${n}.out` })),
  );
  const resource = await world.subOrders.get("each-1");
  expect(resource?.spec.process).toEqual({ name: "cut", parameters: { width: "5", mode: "fast" } });
});

test("runAllTestsInSingleInstance: one per sub-order takes as many products as its limits allow; what is ordered plainly beside it comes as it is", async () => {
  put("mixed", 5);
  put("plain", 2);
  const selections = [{ query: "mixed", process: { name: "pairs" } }, { query: "mixed" }, { query: "plain" }];
  await world.apply("mixed", { selections });
  await world.until("mixed", "AllFilesAvailable");
  const row = await world.row("mixed");
  const all = await subOrdersOf(world.db, row.id, { limit: 20 });
  expect(all.filter((s) => s.process).map((s) => s.bytes)).toEqual([3, 3, 3]);
  const types = (await filesOf(row.id)).map(({ fileType }) => fileType);
  expect(types.toSorted()).toEqual([...Array(3).fill("OTHER"), ...Array(7).fill("RAWDATA")]);
});

const REFUSED: Record<string, { selection: Selection; reason: string; message: string }> = {
  "a process that is not there": {
    selection: { query: "each", process: { name: "nothing" } },
    reason: "InvalidProcess",
    message: "selections[0].process.name: Process 'nothing' does not exist",
  },
  "a parameter": {
    selection: { query: "each", process: { name: "cut", parameters: { width: "0" } } },
    reason: "InvalidProcess",
    message: "selections[0].process.parameters.width: expected at least 1",
  },
  "a role": {
    selection: { query: "each", process: { name: "admins" } },
    reason: "InvalidProcess",
    message: "selections[0].process.name: Process 'admins' may not be used as REGISTERED_USER: expected at least ADMIN",
  },
  "a dataset": {
    selection: { query: "each", process: { name: "elsewhere" } },
    reason: "InvalidProcess",
    message:
      "selections[0].process.name: Process 'elsewhere' may not be used on dataset 'dataset': expected one of another",
  },
  "too much that must not be split (ForbidSplitInvalid)": {
    selection: { query: "each", process: { name: "whole" } },
    reason: "ProcessLimitExceeded",
    message:
      'selections[0].process.name: The number of selected "FEATURES" in the basket [3] exceeds the maximum number of "FEATURES" allowed [2]. The order cannot be processed because the parameter forbidSplitInSuborders is active. Please decrease the number of items ordered or contact the administrator for more information.',
  },
};

describe("an Order of kubectl is refused, without a row, for", () => {
  for (const [name, { selection, reason, message }] of Object.entries(REFUSED)) {
    test(name, async () => {
      const resource = `refused-${Object.keys(REFUSED).indexOf(name)}`;
      await world.apply(resource, { selections: [selection] });
      const order = await world.until(resource, "Refused");
      expect(order.status?.conditions?.find(({ type }) => type === "Accepted")).toMatchObject({ reason, message });
      expect(order.status?.orderId).toBeUndefined();
    });
  }
});

/** Taken by REST or AMQP, which have checked it: the process became another since. */
async function taken(selection: Selection): Promise<number> {
  const made = await insertOrder(world.db, {
    owner: ADA,
    correlationId: crypto.randomUUID(),
    spec: { owner: ADA, selections: [selection], suspend: false, retry: 0 },
    role: "REGISTERED_USER",
    groups: [],
    channel: "rest",
    now: new Date(world.now().getTime() - 60_000),
  });
  if (made.kind !== "created") throw new Error("Cannot make the row");
  return made.row.id;
}

const CHANGED: Record<string, { selection: Selection; message: string }> = {
  "is gone": { selection: { query: "each", process: { name: "gone" } }, message: "Process 'gone' does not exist" },
  "does not take its parameters any more": {
    selection: { query: "each", process: { name: "pairs", parameters: { width: "1" } } },
    message: "Process 'pairs': parameters.width: unknown parameter",
  },
  "is for others now": {
    selection: { query: "each", process: { name: "admins" } },
    message: "Process 'admins' may not be used as REGISTERED_USER: expected at least ADMIN",
  },
  "takes less now": {
    selection: { query: "each", process: { name: "whole" } },
    message:
      'The number of selected "FEATURES" in the basket [3] exceeds the maximum number of "FEATURES" allowed [2]. The order cannot be processed because the parameter forbidSplitInSuborders is active. Please decrease the number of items ordered or contact the administrator for more information.',
  },
};
for (const [name, { selection, message }] of Object.entries(CHANGED)) {
  test(`P27: an order whose process ${name} fails and says why, instead of hanging or giving out raw files`, async () => {
    const id = await taken(selection);
    const order = await world.until(orderName(id), "Refused");
    expect(order.status?.conditions?.find(({ type }) => type === "Resolved")?.reason).toBe("ProcessFailed");
    expect(await findOrder(world.db, id)).toMatchObject({ status: "FAILED", message, files: { total: 0 } });
    expect(await world.outbox(id)).toContain("final:0");
  });
}

test("ForbidSplitValid: what is within the limits is one run", async () => {
  put("two", 2);
  await world.apply("two", { selections: [{ query: "two", process: { name: "whole" } }] });
  await world.until("two", "AllFilesAvailable");
  expect(await subOrdersOf(world.db, (await world.row("two")).id, { limit: 10 })).toHaveLength(1);
});

test("products without any input are left out; where none has any, the order says that no file matches", async () => {
  put("dry", 2);
  await world.process("quicklooks", { inputs: ["QUICKLOOK_HD"] });
  await world.apply("dry", { selections: [{ query: "dry", process: { name: "quicklooks" } }] });
  await world.until("dry", "NothingToDeliver");
  expect(await world.row("dry")).toMatchObject({ status: "DONE_WITH_WARNING", message: "No file match filters." });
});
