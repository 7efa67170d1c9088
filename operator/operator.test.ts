import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { jobName, orderName, subOrderName } from "#crds/names.ts";
import type { Job } from "#kube/kinds.ts";
import { availableFiles, markDownloaded } from "#store/files.ts";
import { findOrder, insertOrder } from "#store/orders.ts";
import { resetSetting, writeSetting } from "#store/settings.ts";
import { upsertUser } from "#store/users.ts";
import { eventually } from "#test/support/eventually.ts";
import { ADA, type OperatorWorld, operatorWorld, quiet, someProducts } from "#test/support/operator-world.ts";

let world: OperatorWorld;
let nextId = 1;
const DAY = 86_400_000;

beforeAll(async () => {
  world = await operatorWorld("operator", { config: { sweepSeconds: 0.2 } });
  await writeSetting(world.db, "sub_order_max_files", 3);
  await world.start().ready;
});
afterAll(() => world.stop());
beforeEach(() => {
  world.source.answer = () => "give";
});

function put(name: string, count: number, file = {}): void {
  world.products.push(...someProducts(name, count, { firstId: nextId, file }));
  nextId += count;
}

function conditionReason(
  order: { status?: { conditions?: readonly { type: string; reason: string }[] } },
  type: string,
) {
  return order.status?.conditions?.find((c) => c.type === type)?.reason;
}

test("an Order made with kubectl is fetched, told of, and then left alone", async () => {
  put("plain", 5);
  await world.apply("plain");
  const order = await world.until("plain", "AllFilesAvailable");
  expect(order.status).toMatchObject({
    files: { total: 5, pending: 0, available: 5, downloaded: 0, failed: 0 },
    subOrders: { total: 2, waiting: 0, running: 0, succeeded: 2, failed: 0 },
    percentCompleted: 100,
    message: "Done: 5 files there",
  });
  expect(["Accepted", "Resolved", "Suspended"].map((type) => conditionReason(order, type))).toEqual([
    "Accepted",
    "Resolved",
    "NotSuspended",
  ]);
  const row = await world.row("plain");
  expect(row).toMatchObject({
    status: "DONE",
    channel: "kubectl",
    resourceUid: order.metadata.uid ?? "",
    percentCompleted: 100,
  });
  const outbox = await world.outbox(row.id);
  expect(outbox.toSorted()).toEqual(["final:0", "granted", "suborder:1:1", "suborder:2:1"]);
  expect([outbox[0], outbox.at(-1)]).toEqual(["granted", "final:0"]);
  expect(await quiet(world, 500)).toEqual([]);
  const jobs = (await world.jobs.list()).items.filter((job) => job.metadata.name.startsWith("plain-"));
  expect(jobs.map((job) => job.metadata.name).toSorted()).toEqual(["plain-1-a1", "plain-2-a1"]);
});

test("a sub-order costs six writes at most, and an order that goes on a word now and then", async () => {
  await writeSetting(world.db, "max_running_sub_orders_per_user", 8);
  put("costs", 60);
  const from = world.writes.length;
  await world.apply("costs");
  await world.until("costs", "AllFilesAvailable");
  expect(await quiet(world, 500)).toEqual([]);
  await resetSetting(world.db, "max_running_sub_orders_per_user");
  // The test itself plays the Job controller and its writes of the status of Jobs.
  const ours = world.writes.slice(from).filter((write) => !/jobs\/[^/]+\/status$/.test(write));
  const count = (pattern: RegExp) => ours.filter((write) => pattern.test(write)).length;
  expect([count(/^POST .*\/suborders$/), count(/^POST .*\/jobs$/)]).toEqual([20, 20]);
  expect(ours.length).toBeLessThanOrEqual(6 * 20);
});

test("an order of REST whose resource was never made gets it from the sweep, and is the same order", async () => {
  put("rest", 2);
  const spec = { owner: ADA, selections: [{ query: "rest" }], suspend: false, retry: 0 };
  const before = new Date(world.now().getTime() - 60_000);
  const made = await insertOrder(world.db, {
    owner: ADA,
    correlationId: "c-rest",
    spec,
    role: "REGISTERED_USER",
    groups: [],
    channel: "rest",
    now: before,
  });
  if (made.kind !== "created") throw new Error("Cannot make the row");
  const order = await world.until(orderName(made.row.id), "AllFilesAvailable");
  expect(order.status?.orderId).toBe(made.row.id);
  expect(await findOrder(world.db, made.row.id)).toMatchObject({
    status: "DONE",
    resourceUid: order.metadata.uid ?? "",
  });
});

test("an order of references only is done at once, without a Job", async () => {
  put("refs", 4, { reference: true });
  await world.apply("refs");
  await world.until("refs", "AllFilesAvailable");
  const row = await world.row("refs");
  expect((row.expirationTime?.getTime() ?? 0) - (row.resolvedAt?.getTime() ?? 0)).toBe(2 * 3_600_000);
  expect(await world.outbox(row.id)).toEqual(["granted", "suborder:1:1", "suborder:2:1", "final:0"]);
  expect((await world.jobs.list()).items.some((job) => job.metadata.name.startsWith("refs-"))).toBe(false);
});

test("failed files are fetched again by a retry, and only those (P14)", async () => {
  put("retry", 2);
  world.source.answer = (file) => (file.filename === "retry-1.dat" ? "refuse" : "give");
  await world.apply("retry");
  await world.until("retry", "SomeFilesFailed");
  expect(await world.row("retry")).toMatchObject({ status: "DONE_WITH_WARNING", files: { available: 1, failed: 1 } });
  const { rows } = await availableFiles(world.db, (await world.row("retry")).id, { page: 0, size: 10 });
  await markDownloaded(
    world.db,
    rows.map((file) => file.id),
    { now: world.now() },
  );

  const asked: string[] = [];
  world.source.answer = (file) => {
    asked.push(file.filename);
    return "give";
  };
  await world.orders.patch("retry", { spec: { retry: 1 } });
  await world.until("retry", "AllFilesAvailable");
  const row = await world.row("retry");
  expect(row).toMatchObject({ status: "DONE", files: { total: 2, available: 1, downloaded: 1, failed: 0 } });
  expect(new Set(asked)).toEqual(new Set(["retry-1.dat"]));
  expect(await world.outbox(row.id)).toEqual([
    ...["granted", "suborder:1:1", "final:0"],
    ...["retried:1", "suborder:1:2", "final:1"],
  ]);
});

test("a source that is not ready is asked again by another Job, not waited for by the first (P2)", async () => {
  put("tape", 2);
  world.source.answer = (file, attempt) => (file.filename === "tape-1.dat" && attempt < 3 ? "notReady" : "give");
  await world.apply("tape");
  await world.until("tape", "AllFilesAvailable");
  const jobs = (await world.jobs.list()).items.filter((job) => job.metadata.name.startsWith("tape-"));
  expect(jobs.map((job) => job.metadata.name).toSorted()).toEqual(["tape-1-a1", "tape-1-a2", "tape-1-a3"]);
});

test("a source that stays silent for too long is given up, and the order ends (D11)", async () => {
  put("silent", 2);
  await writeSetting(world.db, "max_source_silence_seconds", 1);
  world.source.answer = (file) => (file.filename === "silent-1.dat" ? "notReady" : "give");
  await world.apply("silent");
  const order = await world.until("silent", "SomeFilesFailed");
  await resetSetting(world.db, "max_source_silence_seconds");
  expect(order.status?.files).toMatchObject({ available: 1, failed: 1 });
});

test("a paused order has no Job, keeps what is there, and goes on when it is resumed", async () => {
  put("pause", 2);
  world.source.answer = (file) => (file.filename === "pause-1.dat" ? "hang" : "give");
  await world.apply("pause");
  await eventually("one file is there", async () => (await world.row("pause")).files.available === 1);
  await world.orders.patch("pause", { spec: { suspend: true } });
  const paused = await world.until("pause", "Suspended");
  await eventually(
    "its Jobs have stopped",
    async () => conditionReason((await world.orders.get("pause")) ?? paused, "Suspended") === "Suspended",
  );
  expect(await world.row("pause")).toMatchObject({
    status: "PAUSED",
    suspended: true,
    files: { available: 1, pending: 1 },
  });
  expect((await world.subOrders.list()).items.some((s) => s.spec.orderName === "pause")).toBe(false);
  world.source.answer = () => "give";
  await world.orders.patch("pause", { spec: { suspend: false } });
  await world.until("pause", "AllFilesAvailable");
  expect(await world.outbox((await world.row("pause")).id)).toEqual([
    ...["granted", "paused:2", "resumed:3"],
    ...["suborder:1:2", "final:0"],
  ]);
});

test("a cancelled order keeps what is there and gives up the rest", async () => {
  put("cancel", 2);
  world.source.answer = (file) => (file.filename === "cancel-1.dat" ? "hang" : "give");
  await world.apply("cancel");
  await eventually("one file is there", async () => (await world.row("cancel")).files.available === 1);
  await world.orders.patch("cancel", { spec: { shutdown: "Cancel" } });
  await world.until("cancel", "Cancelled");
  const row = await world.row("cancel");
  expect(row).toMatchObject({ status: "DONE_WITH_WARNING", files: { available: 1, failed: 1 } });
  expect(await world.outbox(row.id)).toEqual(["granted", "suborder:1:2", "cancelled", "final:0"]);
});

const DEPARTURES: Record<string, { depart: (name: string) => Promise<unknown>; want: string }> = {
  "shut down for good": {
    depart: (name) => world.orders.patch(name, { spec: { shutdown: "Delete" } }),
    want: "DELETED",
  },
  "deleted with kubectl": { depart: (name) => world.orders.delete(name), want: "DELETED" },
  expired: { depart: async () => world.pass(8 * DAY), want: "EXPIRED" },
};
for (const [how, { depart, want }] of Object.entries(DEPARTURES)) {
  test(`an order that is ${how} while it works gives everything back but its row`, async () => {
    const name = `leave-${how.replaceAll(" ", "-")}`;
    put(name, 2);
    world.source.answer = (file) => (file.filename.endsWith("-1.dat") ? "hang" : "give");
    await world.apply(name);
    const row = await eventually("one file is there", async () => {
      const now = await world.row(name);
      return now.files.available === 1 ? now : undefined;
    });
    await depart(name);
    await eventually(`${name} is gone`, async () => (await world.orders.get(name)) === undefined);
    await eventually(`what ${name} held is given back`, async () => (await findOrder(world.db, row.id))?.emptied);
    expect(await findOrder(world.db, row.id)).toMatchObject({
      status: want,
      purged: true,
      files: { available: 0, pending: 0 },
    });
    const [left] = await world.db`SELECT count(*) AS files FROM order_files WHERE order_id = ${row.id}`;
    expect(left).toMatchObject({ files: 0 });
    expect(await world.outbox(row.id)).toEqual(["granted", "final:0", want.toLowerCase()]);
    await eventually("its Jobs are gone", async () => {
      const jobs = await world.jobs.list();
      return !jobs.items.some((job) => job.metadata.name.startsWith(`${name}-`));
    });
  });
}

test("testExpiredOrders: an order is extended with kubectl within the tenant's maximum, is told before its end, and leaves then", async () => {
  put("extend", 1);
  await world.apply("extend");
  await world.until("extend", "AllFilesAvailable");
  const { id, expirationTime: planned } = await world.row("extend");
  const asked = new Date(world.now().getTime() + 30 * DAY).toISOString();
  await world.orders.patch("extend", { spec: { expirationTime: asked } });
  const row = await eventually("the wish is judged", async () => {
    const now = await world.row("extend");
    return now.expirationAsked ? now : undefined;
  });
  const expires = row.expirationTime ?? new Date(0);
  expect(expires.getTime()).toBeGreaterThan((planned?.getTime() ?? 0) + 5 * DAY);
  expect(expires.getTime()).toBeLessThanOrEqual(world.now().getTime() + 7 * DAY);
  const shown = async () => (await world.orders.get("extend"))?.status?.expirationTime;
  await eventually("kubectl shows what holds", async () => {
    const time = await shown();
    return time !== undefined && Math.abs(Date.parse(time) - expires.getTime()) < 1000;
  });
  await world.pass(6.5 * DAY);
  const notice = `expires-soon:${expires.toISOString()}`;
  await eventually("it is told", async () => (await world.outbox(id)).includes(notice));
  expect((await world.row("extend")).status).toBe("DONE");
  await world.pass(DAY);
  await eventually("it is gone", async () => (await world.orders.get("extend")) === undefined);
  expect((await findOrder(world.db, id))?.status).toBe("EXPIRED");
  expect((await world.outbox(id)).slice(-3)).toEqual(["final:0", notice, "expired"]);
});

test("the gate holds a user back until what is ready was downloaded, and says so", async () => {
  put("gate", 9);
  const owner = "cleo@example.org";
  await upsertUser(world.db, { email: owner, role: "REGISTERED_USER", groups: [], active: true });
  await writeSetting(world.db, "download_gate", "Always");
  try {
    await world.apply("gate", { owner });
    const order = await world.until("gate", "WaitingForUser");
    expect(order.status?.subOrders).toMatchObject({ succeeded: 2, waiting: 1 });
    const said = { waitingForUser: true, message: expect.stringContaining("downloaded") };
    expect(await world.row("gate")).toMatchObject(said);
    const { rows } = await availableFiles(world.db, order.status?.orderId ?? 0, { page: 0, size: 100 });
    const ids = rows.map((file) => file.id);
    await markDownloaded(world.db, ids, { now: world.now() });
    await world.until("gate", "AllFilesAvailable");
  } finally {
    await resetSetting(world.db, "download_gate");
  }
});

test("a Job that is deleted by hand is made again; one that is somebody else's is left alone and spoken of", async () => {
  put("hands", 1);
  world.source.answer = () => "hang";
  const foreign: Job = {
    metadata: { name: jobName(subOrderName("hands", 1), 1), labels: { whose: "theirs" } },
    spec: { template: { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "i" }] } } },
  };
  const theirs = await world.jobs.create(foreign);
  await world.apply("hands");
  await eventually("the SubOrder says whose Job that is", async () => {
    const subOrder = await world.subOrders.get(subOrderName("hands", 1));
    return subOrder?.status?.conditions?.some((c) => c.message.includes("belongs to something else"));
  });
  expect((await world.jobs.get(foreign.metadata.name))?.metadata.uid).toBe(theirs.metadata.uid ?? "");
  await world.jobs.delete(foreign.metadata.name);
  const ours = await eventually(
    "our Job is there",
    async () => {
      const job = await world.jobs.get(foreign.metadata.name);
      return job?.metadata.uid !== theirs.metadata.uid ? job : undefined;
    },
    20_000,
  );
  await world.jobs.delete(ours.metadata.name);
  world.source.answer = () => "give";
  await world.until("hands", "AllFilesAvailable");
}, 40_000);

test("P1: two operators at once do everything once", async () => {
  const rival = world.start();
  await rival.ready;
  const from = world.writes.length;
  put("rivals", 9);
  await world.apply("rivals");
  await world.until("rivals", "AllFilesAvailable");
  await quiet(world, 300);
  await rival.stop();
  const jobs = (await world.jobs.list()).items.filter((job) => job.metadata.name.startsWith("rivals-"));
  expect(jobs.map((job) => job.metadata.name).toSorted()).toEqual(["rivals-1-a1", "rivals-2-a1", "rivals-3-a1"]);
  expect(world.writes.slice(from).filter((write) => write.startsWith("POST") && write.endsWith("/jobs"))).toHaveLength(
    3,
  );
  const keys = ["final:0", "granted", "suborder:1:1", "suborder:2:1", "suborder:3:1"];
  expect((await world.outbox((await world.row("rivals")).id)).toSorted()).toEqual(keys);
});

test("with a lease one operator acts, and the next takes over when it stops", async () => {
  const own = await operatorWorld("operator-lease");
  try {
    const lease = (identity: string) => ({ lease: { name: "operator", identity } });
    const first = own.start({}, lease("first"));
    await first.ready;
    own.products.push(...someProducts("before", 1, { firstId: 1 }), ...someProducts("after", 1, { firstId: 2 }));
    await own.apply("before");
    await own.until("before", "AllFilesAvailable");
    const second = own.start({}, lease("second"));
    await second.ready;
    await first.stop();
    await own.apply("after");
    await own.until("after", "AllFilesAvailable");
    await second.stop();
  } finally {
    await own.stop();
  }
});
