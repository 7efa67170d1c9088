/**
 * An operator over the real things (PostgreSQL, the local Kubernetes, a blob folder) where the test plays the cluster's part:
 * it runs Jobs by reporting their files, judges them as the Job controller would, and collects what lost its owner.
 */
import { createHash } from "node:crypto";
import { pathToFileURL } from "node:url";
import pino from "pino";
import type { FoundFile, FoundProduct } from "#catalog/catalogue.ts";
import { API_VERSION, EXIT, LABELS } from "#crds/names.ts";
import type { Order, OrderSpec } from "#crds/order.ts";
import type { Process, ProcessSpec } from "#crds/process.ts";
import { ORDERS, PROCESSES, SUBORDERS } from "#crds/resource-types.ts";
import type { SubOrder } from "#crds/suborder.ts";
import { isConflict, isNotFound } from "#kube/errors.ts";
import { JOBS, type Job } from "#kube/kinds.ts";
import { type KubeObject, type ResourceApi, resourceApi } from "#kube/resource.ts";
import { handlerTransport, type Transport } from "#kube/transport.ts";
import { localKubernetes } from "#local/kubernetes/server.ts";
import { type Journal, memoryJournal } from "#local/kubernetes/storage/journal.ts";
import type { OperatorConfig } from "#operator/config.ts";
import { startOperator } from "#operator/start.ts";
import { touchBlobs } from "#store/blob-rows.ts";
import { openBlobStore } from "#store/blobs/open.ts";
import type { Db } from "#store/db.ts";
import { type FileResult, publishOutputs, reportFiles, subOrdersOf, takeFiles, type WorkFile } from "#store/files.ts";
import { findOrder, type OrderRow } from "#store/orders.ts";
import { upsertUser } from "#store/users.ts";
import { eventually, LIMIT } from "./eventually.ts";
import { temporaryFolder } from "./folder.ts";
import { listCatalogue } from "./list-catalogue.ts";
import { testProcess } from "./process.ts";
import { testStore } from "./store.ts";

export const ADA = "ada@example.org";
export const BOB = "bob@example.org";

/** What a source does with a file: give it, refuse it, ask for patience, or keep the Job waiting. */
export type Answer = "give" | "refuse" | "notReady" | "hang";

export type OperatorWorld = {
  readonly db: Db;
  readonly transport: Transport;
  /** What was written to the cluster, as `POST /apis/…`. */
  readonly writes: readonly string[];
  readonly products: FoundProduct[];
  readonly source: { answer: (file: WorkFile, attempt: number) => Answer };
  readonly orders: ResourceApi<Order>;
  readonly subOrders: ResourceApi<SubOrder>;
  readonly jobs: ResourceApi<Job>;
  readonly processes: ResourceApi<Process>;
  readonly now: () => Date;
  /** Moves the clock. */
  pass(ms: number): void;
  start(parts?: { readonly db?: Db; readonly transport?: Transport }, over?: Partial<OperatorConfig>): Running;
  /** An administrator approves a process. */
  process(name: string, spec?: Partial<ProcessSpec>): Promise<Process>;
  /** `kubectl apply`. */
  apply(name: string, spec?: Partial<OrderSpec>): Promise<Order>;
  /** Waits until the order's Succeeded condition has this reason. */
  until(name: string, reason: string): Promise<Order>;
  row(name: string): Promise<OrderRow>;
  outbox(orderId: number): Promise<string[]>;
  stop(): Promise<void>;
};
type Running = { stop(): Promise<void>; readonly ready: Promise<void>; readonly stopped: Promise<void> };

export type OperatorWorldOptions = {
  readonly config?: Partial<OperatorConfig>;
  /** `default` unless told otherwise. */
  readonly namespace?: string;
  /** Its database and its archive, beside a cluster that is empty unless told otherwise. */
  readonly restoredFrom?: Pick<OperatorWorld, "db" | "products">;
  /** What the cluster knows, and where it keeps it; absent: nothing, and nowhere. */
  readonly journal?: Journal;
};

export async function operatorWorld(label: string, o: OperatorWorldOptions = {}): Promise<OperatorWorld> {
  const { namespace = "default", restoredFrom, journal = memoryJournal() } = o;
  const store = restoredFrom ? { db: restoredFrom.db, drop: async () => {} } : await testStore(label);
  const { db } = store;
  const folder = temporaryFolder(label);
  const blobs = await openBlobStore(pathToFileURL(folder.path).href, {});
  const shift = { ms: 0 };
  const now = () => new Date(Date.now() + shift.ms);
  const logger = pino({ level: process.env["TEST_LOG_LEVEL"] ?? "silent" });
  const quietly = pino({ level: "silent" });
  const kubernetes = await localKubernetes({ journal, namespaces: [namespace], now, logger: quietly });
  const writes: string[] = [];
  const server = async (request: Request) => {
    const response = await kubernetes.handle(request);
    if (request.method !== "GET" && response.ok) writes.push(`${request.method} ${new URL(request.url).pathname}`);
    return response;
  };
  const transport = handlerTransport(server, { namespace });
  const config: OperatorConfig = {
    namespace,
    publicUrl: "https://archive.example.org",
    prefix: "/api/v1/rs-order",
    job: {
      image: "regards-order:test",
      command: ["regards-order"],
      args: ["worker"],
      deadlineSeconds: 3600,
      backoffLimit: 2,
      ttlSeconds: 3600,
    },
    ...o.config,
  };
  await upsertUser(db, { email: ADA, role: "REGISTERED_USER", groups: [], active: true });
  await upsertUser(db, { email: BOB, role: "REGISTERED_USER", groups: [], active: true });
  await upsertUser(db, { email: "gone@example.org", role: "REGISTERED_USER", groups: [], active: false });
  const products = restoredFrom?.products ?? [];
  const source: OperatorWorld["source"] = { answer: () => "give" };
  const cluster = playCluster({ db, transport, now, answer: (file, attempt) => source.answer(file, attempt) });
  const operators = new Set<Running>();
  const orders = resourceApi<Order>(transport, ORDERS);
  const processes: ResourceApi<Process> = resourceApi<Process>(transport, PROCESSES);

  return {
    db,
    transport,
    writes,
    products,
    source,
    orders,
    subOrders: resourceApi<SubOrder>(transport, SUBORDERS),
    processes,
    process: (name, spec) => processes.create(testProcess(name, spec)),
    jobs: resourceApi<Job>(transport, JOBS),
    now,
    pass(ms: number): void {
      shift.ms += ms;
    },
    start(
      parts: { readonly db?: Db; readonly transport?: Transport } = {},
      over: Partial<OperatorConfig> = {},
    ): Running {
      const stopper = new AbortController();
      const catalogue = listCatalogue(products);
      const ports = { db, transport, catalogue, blobs, ...parts };
      const base = { config: { ...config, ...over }, now, random: Math.random, logger, signal: stopper.signal };
      const { ready, stopped } = startOperator({ ...ports, ...base });
      const running: Running = {
        ready,
        stopped,
        async stop() {
          stopper.abort();
          operators.delete(running);
          await stopped.catch(() => {});
        },
      };
      operators.add(running);
      return running;
    },
    apply(name: string, spec: Partial<OrderSpec> = {}): Promise<Order> {
      return orders.create({
        apiVersion: API_VERSION,
        kind: "Order",
        metadata: { name },
        spec: { owner: ADA, selections: [{ query: name }], suspend: false, retry: 0, ...spec },
      });
    },
    until(name: string, reason: string): Promise<Order> {
      return eventually(
        `${name} is ${reason}`,
        async () => {
          const order = await orders.get(name);
          const is = order?.status?.conditions?.find((c) => c.type === "Succeeded");
          if (is?.reason === reason) return order;
          throw new Error(JSON.stringify(order?.status ?? "no status"));
        },
        LIMIT.slow,
      );
    },
    async row(name: string): Promise<OrderRow> {
      const order = await orders.get(name);
      const row = await findOrder(db, order?.status?.orderId ?? 0);
      if (row === undefined) throw new Error(`Cannot find the row of '${name}'`);
      return row;
    },
    async outbox(orderId: number): Promise<string[]> {
      const rows = await db<
        { dedupKey: string }[]
      >`SELECT dedup_key FROM outbox WHERE order_id = ${orderId} ORDER BY id`;
      return rows.map((row) => row.dedupKey);
    },
    async stop(): Promise<void> {
      await Promise.all([...operators].map((running) => running.stop()));
      await cluster.stop();
      await kubernetes.stop();
      await store.drop();
      folder.remove();
    },
  };
}

/** So many products, of one file each, that an order named `prefix` finds. */
export function someProducts(
  prefix: string,
  count: number,
  o: { readonly firstId: number; readonly file?: Partial<FoundFile> } = { firstId: 1 },
): FoundProduct[] {
  return Array.from({ length: count }, (_, i) => ({
    id: o.firstId + i,
    urn: `URN:${prefix}:${i}`,
    providerId: `${prefix}-${i}`,
    version: 1,
    dataset: { urn: `URN:dataset:${prefix}`, label: prefix },
    matched: [0],
    files: [
      {
        type: "RAWDATA" as const,
        filename: `${prefix}-${i}.dat`,
        uri: `https://source.example.org/${prefix}/${i}`,
        mimeType: "application/octet-stream",
        size: 10,
        reference: false,
        ...o.file,
      },
    ],
  }));
}

type Cluster = {
  readonly db: Db;
  readonly transport: Transport;
  readonly now: () => Date;
  readonly answer: (file: WorkFile, attempt: number) => Answer;
};

/** Plays kubelet, Job controller and garbage collector until it is stopped. */
function playCluster(o: Cluster): { stop(): Promise<void> } {
  const jobs = resourceApi<Job>(o.transport, JOBS);
  const subOrders = resourceApi<SubOrder>(o.transport, SUBORDERS);
  const orders = resourceApi<Order>(o.transport, ORDERS);
  let going = true;
  async function turn(): Promise<void> {
    // Dependents before their owners: one that is made meanwhile must not look as if it had none.
    const dependents = { jobs: (await jobs.list()).items, subOrders: (await subOrders.list()).items };
    const all = { ...dependents, orders: (await orders.list()).items };
    await collect(subOrders, { dependents: all.subOrders, owners: all.orders });
    await collect(jobs, { dependents: all.jobs, owners: all.subOrders });
    await finishDeletions(jobs, all.jobs, []);
    await finishDeletions(subOrders, all.subOrders, all.jobs);
    for (const job of all.jobs) if (isOurs(job) && !isOver(job)) await runJob(o, { jobs, job });
  }
  const loop = (async () => {
    while (going) {
      await turn().catch((error: unknown) => {
        if (going && !isNotFound(error) && !isConflict(error)) throw error;
      });
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  })();
  return {
    async stop() {
      going = false;
      await loop;
    },
  };
}

function isOurs(job: Job): boolean {
  return job.metadata.labels?.[LABELS.attempt] !== undefined && job.metadata.deletionTimestamp === undefined;
}

function isOver(job: Job): boolean {
  return job.status?.conditions?.some((c) => c.type === "Complete" || c.type === "Failed") ?? false;
}

function ownerUid(object: KubeObject): string | undefined {
  return object.metadata.ownerReferences?.[0]?.uid;
}

async function collect<T extends KubeObject>(
  api: ResourceApi<T>,
  o: { readonly dependents: readonly KubeObject[]; readonly owners: readonly KubeObject[] },
): Promise<void> {
  const living = new Map(o.owners.map((owner) => [owner.metadata.uid, owner]));
  for (const { metadata } of o.dependents.filter((each) => ownerUid(each) !== undefined)) {
    const uid = metadata.ownerReferences?.[0]?.uid;
    const owner = living.get(uid);
    const isForeground = owner?.metadata.finalizers?.includes("foregroundDeletion") ?? false;
    if (owner !== undefined && !isForeground) continue;
    await api.delete(metadata.name, metadata.uid ? { uid: metadata.uid } : {});
  }
}

async function finishDeletions<T extends KubeObject>(
  api: ResourceApi<T>,
  objects: readonly T[],
  dependents: readonly KubeObject[],
): Promise<void> {
  for (const { metadata } of objects) {
    if (!metadata.finalizers?.includes("foregroundDeletion")) continue;
    if (dependents.some((each) => ownerUid(each) === metadata.uid)) continue;
    const finalizers = metadata.finalizers.filter((name) => name !== "foregroundDeletion");
    await api.patch(metadata.name, { metadata: { uid: metadata.uid, finalizers } });
  }
}

/** Does the work of a Job's pod and writes what the Job controller would write. A source that hangs leaves the Job running. */
async function runJob(o: Cluster, { jobs, job }: { jobs: ResourceApi<Job>; job: Job }): Promise<void> {
  const label = (name: string) => Number(job.metadata.labels?.[name]);
  const orderId = label(LABELS.order);
  const number = label(LABELS.subOrder);
  const [row] = await subOrdersOf(o.db, orderId, { after: number - 1, limit: 1 });
  const of = row?.process ? "process_inputs" : "order_files";
  const files = await takeFiles(o.db, orderId, number, { of, limit: 10_000 });
  const answers = files.map((file) => ({ file, answer: o.answer(file, label(LABELS.attempt)) }));
  const given = answers.filter(({ answer }) => answer !== "hang");
  const results = await Promise.all(given.map(({ file, answer }) => resultOf(o, file, answer)));
  await reportFiles(o.db, orderId, number, results, { of, now: o.now() });
  if (given.length < answers.length) return;
  const code = results.some((result) => result.kind === "notReady") ? EXIT.notReady : 0;
  if (row?.process && code === 0) await publishOne(o, { orderId, number, attempt: label(LABELS.attempt) });
  await jobs.patch(job.metadata.name, { status: judged(code) }, { subresource: "status" });
}

/** What a program gave: one file. */
async function publishOne(
  { db, now }: Cluster,
  { orderId, number, attempt }: { orderId: number; number: number; attempt: number },
): Promise<void> {
  const sha256 = createHash("sha256").update(`${orderId}/${number}`).digest("hex");
  await touchBlobs(db, [{ sha256, size: 3 }], { now: now() });
  const outputs = [{ filename: `${number}.out`, mimeType: "text/plain", size: 3, crc32: 1, sha256 }];
  await publishOutputs(db, orderId, number, { attempt, now: now(), outputs });
}

function judged(code: number): Job["status"] {
  if (code === 0) {
    return {
      startTime: "2026-01-01T00:00:00Z",
      completionTime: "2026-01-01T00:00:01Z",
      succeeded: 1,
      conditions: [
        { type: "SuccessCriteriaMet", status: "True" },
        { type: "Complete", status: "True" },
      ],
    };
  }
  const message = `Container worker for pod default/x failed with exit code ${code} matching FailJob rule at index 1`;
  const why = { status: "True" as const, reason: "PodFailurePolicy", message };
  return {
    startTime: "2026-01-01T00:00:00Z",
    failed: 1,
    conditions: [
      { type: "FailureTarget", ...why },
      { type: "Failed", ...why },
    ],
  };
}

async function resultOf({ db, now }: Cluster, file: WorkFile, answer: Answer): Promise<FileResult> {
  if (answer === "refuse") return { id: file.id, kind: "failed", error: "404 Not Found" };
  if (answer === "notReady") return { id: file.id, kind: "notReady", retryAfter: new Date(now().getTime() + 50) };
  const sha256 = createHash("sha256").update(file.uri).digest("hex");
  await touchBlobs(db, [{ sha256, size: 10 }], { now: now() });
  return { id: file.id, kind: "available", sha256, size: 10, crc32: 1 };
}

/** Waits until nothing has been written for a while; the writes of that while. */
export async function quiet(world: OperatorWorld, ms: number): Promise<readonly string[]> {
  let since = performance.now();
  let seen = world.writes.length;
  return await eventually(
    `nothing is written for ${ms} ms`,
    () => {
      if (world.writes.length !== seen) {
        seen = world.writes.length;
        since = performance.now();
      }
      return performance.now() - since > ms ? world.writes.slice(seen) : undefined;
    },
    LIMIT.normal,
  );
}
