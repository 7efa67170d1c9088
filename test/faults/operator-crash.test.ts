/**
 * The operator is killed after a write of an order's walk, before it hears that the write was done, and started again. Each time the order
 * must come to the same end as undisturbed, with the same messages, and every Job must have been made exactly once.
 * TEST_EXHAUSTIVE=1 kills it after every single write (minutes); otherwise every fourth is taken, another fourth in every story.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { CONTAINER, jobName, subOrderName } from "#crds/names.ts";
import type { Order, OrderSpec } from "#crds/order.ts";
import { NAMESPACES, PODS } from "#kube/kinds.ts";
import { type KubeObject, resourceApi } from "#kube/resource.ts";
import type { OperatorConfig } from "#operator/config.ts";
import { findOrder } from "#store/orders.ts";
import { writeSetting } from "#store/settings.ts";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { mortal } from "#test/support/mortal.ts";
import { type OperatorWorld, operatorWorld, quiet, someProducts } from "#test/support/operator-world.ts";

/** The walk of every order here has fewer writes; reaching this means that it never ends. */
const MOST_WRITES = 120;
const FILES = 5;
const STRIDE = process.env["TEST_EXHAUSTIVE"] === "1" ? 1 : 4;

const NAMESPACE = "tenant";
let world: OperatorWorld;
let orders = 0;

beforeAll(async () => {
  world = await operatorWorld("operator-crash", { namespace: NAMESPACE, config: { sweepSeconds: 3600 } });
  await writeSetting(world.db, "sub_order_max_files", 3);
  await world.process("copy");
});
afterAll(() => world.stop());

type Story = {
  readonly spec?: Partial<OrderSpec>;
  /** Of a process that works on the files. */
  readonly process?: string;
  /** Of the operator, when nothing but a sweep brings the story to its end. */
  readonly config?: Partial<OperatorConfig>;
  /** What the source does with the file of this number, in this attempt; `id` tells files of one order from those of the next. */
  readonly source: (file: number, attempt: number, id: number) => "give" | "refuse" | "notReady" | "hang";
  /** What the user does, once the order is under way. */
  readonly act?: (name: string) => Promise<unknown>;
  /** Jobs may be made more than once in it: those of an owner that is gone do not count. */
  readonly repeatsJobs?: true;
  /** Whether the order has come to where the story ends. */
  readonly isOver: (end: End) => boolean;
};

type End = {
  readonly resource: unknown;
  /** What is remembered under the name, the oldest first. */
  readonly rows: readonly RowEnd[];
  readonly jobs: readonly string[];
};

type RowEnd = {
  readonly status: string;
  readonly emptied: boolean;
  readonly isBound: boolean;
  readonly files: unknown;
  readonly subOrders: unknown;
  readonly percent: number;
  readonly stored: unknown;
  readonly messages: readonly string[];
};

/** Lives through the story; the operator dies after `diesAfter` writes. Says how it ended, and what was written up to the death. */
async function live(story: Story, diesAfter: number): Promise<{ end: End; writes: readonly string[] }> {
  const name = `story-${++orders}`;
  const from = world.writes.length;
  world.products.push(...someProducts(name, FILES, { firstId: orders * 1000 }));
  world.source.answer = ({ filename, id }, attempt) =>
    story.source(Number(filename.match(/-(\d+)\.dat$/)?.[1]), attempt, id);
  const life = mortal({ transport: world.transport, db: world.db }, diesAfter);
  let operator = world.start(life, story.config);
  const { process } = story;
  const selections = [{ query: name, ...(process !== undefined && { process: { name: process } }) }];
  await world.apply(name, { selections, ...story.spec });
  const revived = life.dead.then(async () => {
    await operator.stop();
    operator = world.start({}, story.config);
  });
  await story.act?.(name);
  await eventually(
    `${name} has come to its end (killed after write ${diesAfter}: ${life.writes.at(-1)})`,
    async () => {
      const now = await look(name, from);
      return story.isOver(now) ? now : undefined;
    },
    LIMIT.slow,
  );
  if (life.isDead()) await revived;
  await quiet(world, 150);
  await operator.stop();
  const { jobs, ...settled } = await look(name, from);
  await forget(name);
  const end = { ...settled, jobs: story.repeatsJobs ? jobs.slice(1) : jobs };
  return { end, writes: [...life.writes] };
}

/** The next story starts in an empty archive. */
async function forget(name: string): Promise<void> {
  await world.orders.delete(name);
  await world.db`DELETE FROM order_files`;
  await world.db`DELETE FROM orders`;
  await eventually(`what ${name} made is gone`, async () => {
    const left = [...(await world.subOrders.list()).items, ...(await world.jobs.list()).items];
    return left.length === 0;
  });
}

async function look(name: string, from: number): Promise<End> {
  const order = await world.orders.get(name);
  const found = await world.db<{ id: number }[]>`SELECT id FROM orders WHERE resource_name = ${name} ORDER BY id`;
  const made = world.writes.slice(from).filter((write) => write.startsWith("POST") && write.endsWith("/jobs"));
  const jobs = (await world.jobs.list()).items.map((job) => job.metadata.name);
  return {
    resource: order && {
      conditions: order.status?.conditions?.map(({ type, status, reason }) => [type, status, reason]),
      files: order.status?.files,
      subOrders: order.status?.subOrders,
    },
    rows: await Promise.all(found.map(({ id }) => lookAtRow(id, order))),
    jobs: [
      `${made.length} made`,
      ...jobs.filter((job) => job.startsWith(`${name}-`)).map((job) => job.slice(name.length)),
    ],
  };
}

async function lookAtRow(id: number, order: Order | undefined): Promise<RowEnd> {
  const row = await findOrder(world.db, id);
  if (row === undefined) throw new Error(`Cannot find row ${id}`);
  const states = await world.db`
    SELECT state, count(*) AS files FROM order_files WHERE order_id = ${id} GROUP BY state ORDER BY state`;
  return {
    status: row.status,
    emptied: row.emptied,
    isBound: row.resourceUid !== undefined && row.resourceUid === order?.metadata.uid,
    files: row.files,
    subOrders: row.subOrders,
    percent: row.percentCompleted,
    stored: states.map((each) => ({ ...each })),
    messages: (await world.outbox(id)).toSorted(),
  };
}

/** The pod of a sub-order's first Job, as the kubelet shows it while a program runs that began long ago. */
async function runTooLong(subOrder: string): Promise<void> {
  const job = await eventually(`${subOrder} has a Job`, () => world.jobs.get(`${subOrder}-a1`), LIMIT.slow);
  const { name, uid = "" } = job.metadata;
  const pods = resourceApi(world.transport, PODS);
  const { labels = {} } = job.spec.template.metadata ?? {};
  const ownerReferences = [{ apiVersion: "batch/v1", kind: "Job", name, uid, controller: true }];
  await pods.create({ metadata: { name, labels, ownerReferences }, spec: job.spec.template.spec });
  const began = { name: CONTAINER.process, state: { running: { startedAt: "2026-01-01T00:00:00Z" } } };
  await pods.patch(name, { status: { phase: "Pending", initContainerStatuses: [began] } }, { subresource: "status" });
}

const isGivenBack = (row: RowEnd | undefined) => row?.status === "DELETED" && row.emptied;

const hasReason = (reason: string) => (end: End) => JSON.stringify(end.resource ?? "").includes(`"${reason}"`);

async function underWay(name: string): Promise<void> {
  const isUnderWay = async () => {
    const { files, subOrders } = await world.row(name);
    if (files.available === 4 && subOrders.succeeded === 1) return true;
    throw new Error(JSON.stringify({ files, subOrders }));
  };
  await eventually(`some files of ${name} are there, and one of its sub-orders has ended`, isUnderWay, LIMIT.slow);
}

async function lastFile(): Promise<number> {
  const [last] = await world.db<{ id: number }[]>`SELECT max(id) AS id FROM order_files`;
  return last?.id ?? 0;
}

/** The namespace ends with all that is in it, and another of its name begins. */
async function renewNamespace(): Promise<void> {
  const namespaces = resourceApi(world.transport, NAMESPACES);
  await namespaces.delete(NAMESPACE);
  await eventually("it is gone", async () => (await namespaces.get(NAMESPACE)) === undefined, LIMIT.slow);
  await namespaces.create({ metadata: { name: NAMESPACE } });
}

/** What an operator makes that has not heard yet of the end of the namespace has no living owner: it goes again. */
async function isOwnJobThere(order: string, number: number): Promise<boolean> {
  const name = subOrderName(order, number);
  const [owner, subOrder] = [await world.orders.get(order), await world.subOrders.get(name)];
  const job = await world.jobs.get(jobName(name, 1));
  const isOf = (child: KubeObject | undefined, parent: KubeObject | undefined) =>
    parent !== undefined && child?.metadata.ownerReferences?.[0]?.uid === parent.metadata.uid;
  return isOf(job, subOrder) && isOf(subOrder, owner);
}

/** The source does not answer for file 4 where its id is not above this. */
let hangsUpTo = Number.POSITIVE_INFINITY;

const STORIES: Record<string, Story> = {
  "an order that is fetched in two sub-orders": {
    source: () => "give",
    isOver: hasReason("AllFilesAvailable"),
  },
  "an order with a slow source and a file that fails": {
    source: (file, attempt) => (file === 0 ? "refuse" : file === 4 && attempt === 1 ? "notReady" : "give"),
    isOver: hasReason("SomeFilesFailed"),
  },
  "an order that is cancelled half-way": {
    source: (file) => (file === 4 ? "hang" : "give"),
    act: async (name) => {
      await underWay(name);
      await world.orders.patch(name, { spec: { shutdown: "Cancel" } });
    },
    isOver: hasReason("Cancelled"),
  },
  "an order that is deleted half-way": {
    source: (file) => (file === 4 ? "hang" : "give"),
    act: async (name) => {
      await underWay(name);
      await world.orders.delete(name);
    },
    isOver: ({ rows, resource }) => isGivenBack(rows[0]) && resource === undefined,
  },
  "an order that is deleted half-way and asked for again under the same name": {
    source: (file, _attempt, id) => (file === 4 && id <= hangsUpTo ? "hang" : "give"),
    act: async (name) => {
      hangsUpTo = Number.POSITIVE_INFINITY;
      await underWay(name);
      hangsUpTo = await lastFile();
      await world.orders.delete(name);
      await world.apply(name);
    },
    isOver: (end) => isGivenBack(end.rows[0]) && end.rows.length === 2 && hasReason("AllFilesAvailable")(end),
  },
  "an order whose files a process works on": {
    process: "copy",
    source: (file, attempt) => (file === 0 ? "refuse" : file === 4 && attempt === 1 ? "notReady" : "give"),
    isOver: hasReason("AllFilesAvailable"),
  },
  "an order whose process takes too long": {
    process: "copy",
    source: () => "hang",
    act: async (name) => {
      for (const number of [1, 2]) await runTooLong(`${name}-${number}`);
    },
    isOver: (end) => hasReason("AllFilesFailed")(end) && end.jobs.length === 1,
  },
  // The last: nothing else that a story needs outlives it.
  "an order whose namespace goes half-way, and comes again": {
    config: { sweepSeconds: 0.5, awaySeconds: 0 },
    repeatsJobs: true,
    source: (file, _attempt, id) => (file === 4 && id <= hangsUpTo ? "hang" : "give"),
    act: async (name) => {
      hangsUpTo = Number.POSITIVE_INFINITY;
      await underWay(name);
      // Nobody who has just asked for it can be about to make its resource.
      await world.db`UPDATE orders SET created_at = created_at - interval '1 minute'`;
      await renewNamespace();
      await eventually("its second Job is there again", () => isOwnJobThere(name, 2), LIMIT.slow);
      hangsUpTo = 0;
    },
    isOver: (end) => end.rows[0]?.isBound === true && hasReason("AllFilesAvailable")(end),
  },
};

for (const [index, [name, story]] of Object.entries(STORIES).entries()) {
  test(`P5: ${name} comes to the same end, and to its messages, wherever the operator is killed`, async () => {
    const { end: reference, writes } = await live(story, Number.POSITIVE_INFINITY);
    expect(writes.length).toBeGreaterThan(10);
    for (let i = 1 + (index % STRIDE); i < MOST_WRITES; i += STRIDE) {
      const { end, writes: done } = await live(story, i);
      expect({ killedAfter: `${i}: ${done.at(-1)}`, ...end }).toEqual({
        killedAfter: `${i}: ${done.at(-1)}`,
        ...reference,
      });
      if (done.length < i) return;
    }
    throw new Error(`Cannot end: more than ${MOST_WRITES} writes for one order`);
  }, 300_000);
}
