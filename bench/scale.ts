/**
 * Many sub-orders on a real API server, Job controller and scheduler, with pods that kwok plays: how fast they start beside a bare loop that creates the
 * same Jobs, what the operator asks of the API server for each, its memory, and what it writes when there is nothing left to do. As root.
 *   bun bench/scale.ts [ORDERS=50] [SUB-ORDERS OF EACH=40]        (TEST_DATABASE_URL names the server)
 */
import { readFileSync } from "node:fs";
import pino from "pino";
import { API_VERSION } from "#crds/names.ts";
import { JOBS, type Job } from "#kube/kinds.ts";
import { kubeconfigTransport } from "#kube/kubeconfig.ts";
import { resourceApi } from "#kube/resource.ts";
import { jobFor } from "#operator/suborder/job.ts";
import { type Asked, askedByAccounts, isWrite } from "#test/cluster/audit.ts";
import { startKwok } from "#test/cluster/kwok.ts";
import { playWorkers } from "#test/cluster/played-workers.ts";
import { PLAYED_JOB, scaleGround } from "#test/cluster/scale-ground.ts";
import { startCluster } from "#test/cluster/start.ts";
import { eventually } from "#test/support/eventually.ts";
import { output } from "#test/support/run-command.ts";

const orders = Number(process.argv[2] ?? 50);
const subOrders = Number(process.argv[3] ?? 40);
const total = orders * subOrders;
const IDLE_MS = 60_000;
/** What is told of the last sub-order may come a moment after its order has succeeded. */
const SETTLE_MS = 5_000;
const LIMIT_MS = 300_000 + total * 200;

const WORDS = { made: "Jobs made per second", ran: "pods started per second", done: "done per second" };

/** A run: seconds from its begin until the last Job was made, the last pod ran, all were done. */
type Times = { readonly made: number; readonly ran: number; readonly done: number };

const cluster = await startCluster();
try {
  const kwok = await startKwok(cluster.facts);
  const before = await bareLoop("bare-before");
  const ours = await withOperator();
  const after = await bareLoop("bare-after");
  const bare = {
    made: mean(before.made, after.made),
    ran: mean(before.ran, after.ran),
    done: mean(before.done, after.done),
  };
  console.log(`${total} sub-orders of ${orders} orders; the bare loop before and after, and its mean`);
  console.log(row("", ["before", "after", "bare", "ours", "share"]));
  for (const what of ["made", "ran", "done"] as const) {
    const all = [before, after, bare, ours.times].map((times) => total / times[what]);
    const share = `${Math.round((100 * bare[what]) / ours.times[what])} %`;
    console.log(row(WORDS[what], [...all.map((rate) => rate.toFixed(1)), share]));
  }
  tellRequests(ours.asked);
  console.log(`peak resident memory of the operator: ${ours.megabytes} MB`);
  console.log(
    `writes in the ${IDLE_MS / 1000} s after all was done: ${ours.idleWrites.length} ${kindsOf(ours.idleWrites)}`,
  );
  console.log(`renewals of the lease meanwhile: ${ours.renewals}`);
  await kwok.stop();
} finally {
  await cluster.stop();
}

/** One client that makes the Jobs one after another, and nothing else. */
async function bareLoop(namespace: string): Promise<Times> {
  const transport = await kubeconfigTransport({ path: cluster.facts.kubeconfig, namespace });
  const kubectl = ["kubectl", "--kubeconfig", cluster.facts.kubeconfig];
  await output([...kubectl, "create", "namespace", namespace]);
  await eventually("accounts are made", () =>
    output([...kubectl, "get", "serviceaccount", "default", "-n", namespace]),
  );
  const workers = await playWorkers({ transport, logger: pino({ level: "silent" }) });
  const jobs = resourceApi<Job>(transport, JOBS);
  const began = performance.now();
  for (let n = 0; n < total; n++) await jobs.create(bareJob(n));
  const made = secondsSince(began);
  await eventually("all Jobs are done", () => slowly(workers.ended() === total), LIMIT_MS);
  const done = secondsSince(began);
  const ran = (Math.max(...workers.began.values()) - began) / 1000;
  await workers.stop();
  await output([...kubectl, "delete", "namespace", namespace, "--timeout=10m"]);
  return { made, ran, done };
}

function bareJob(n: number): Job {
  const spec = { orderName: "bare", orderId: 1, number: n, attempt: 1, files: 1, bytes: 1 };
  const metadata = { name: `bare-${n}`, uid: crypto.randomUUID() };
  const job = jobFor({ apiVersion: API_VERSION, kind: "SubOrder", metadata, spec }, PLAYED_JOB);
  const { ownerReferences: _, ...own } = job.metadata;
  return { ...job, metadata: own };
}

async function withOperator() {
  const ground = await scaleGround(cluster.facts, { orders, subOrders });
  const operator = await ground.startOperator();
  const began = performance.now();
  const beganAt = Date.now();
  await ground.applyAll();
  await ground.allSucceeded(LIMIT_MS);
  const done = secondsSince(began);
  const ran = (Math.max(...ground.workers.began.values()) - began) / 1000;
  await Bun.sleep(SETTLE_MS);
  const idleSince = new Date();
  await Bun.sleep(IDLE_MS);
  const megabytes = peakMegabytes(operator.pid);
  const asked = await askedByAccounts(cluster.facts, ground.account);
  const made = asked.filter(({ verb, resource }) => verb === "create" && resource === "jobs");
  const idle = asked.filter(({ at }) => at >= idleSince);
  await ground.close();
  return {
    times: { made: (Math.max(...made.map(({ at }) => at.getTime())) - beganAt) / 1000, ran, done },
    asked: asked.filter(({ at }) => at < idleSince),
    idleWrites: idle.filter(isOfOrders),
    renewals: idle.filter(({ resource }) => resource === "leases").length,
    megabytes,
  };
}

function tellRequests(asked: readonly Asked[]): void {
  const writes = asked.filter(isOfOrders);
  console.log(`requests of the operator per sub-order: ${per(asked.length)}, of them writes: ${per(writes.length)}`);
  const kinds = Map.groupBy(asked, ({ verb, resource, code }) =>
    row(`${verb} ${resource}`, code < 300 ? [] : [String(code)]),
  );
  for (const [kind, of] of [...kinds].sort((a, b) => b[1].length - a[1].length))
    console.log(`  ${row(kind, [per(of.length)])}${of[0] && of[0].code >= 400 ? `  ${of[0].message}` : ""}`);
}

/** A write for the orders' sake: the lease is renewed whether there are any or not. */
function isOfOrders(asked: Asked): boolean {
  return isWrite(asked) && asked.resource !== "leases";
}

function kindsOf(asked: readonly Asked[]): string {
  return [...new Set(asked.map(({ verb, resource }) => `${verb} ${resource}`))].join(", ");
}

function per(count: number): string {
  return (count / total).toFixed(2);
}

function row(name: string, values: readonly string[]): string {
  return [name.padEnd(32), ...values.map((value) => value.padStart(8))].join("");
}

function mean(a: number, b: number): number {
  return (a + b) / 2;
}

async function slowly(isSo: boolean): Promise<boolean> {
  if (!isSo) await Bun.sleep(200);
  return isSo;
}

function secondsSince(began: number): number {
  return (performance.now() - began) / 1000;
}

/** High-water mark of a process's resident memory, as Linux counts it. */
function peakMegabytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
}
