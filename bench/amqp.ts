/**
 * From publishing a request to hearing GRANTED, through RabbitMQ, PostgreSQL (TEST_DATABASE_URL) and the local Kubernetes, all on this machine.
 * Usage: bun bench/amqp.ts [--rate N] [--seconds S] [--backlog N] [--poison N]
 *   --rate N      publish N requests a second for S seconds and tell how long their answers took; 0: as fast as they are answered (500 under way)
 *   --backlog N   before that: N requests that wait when the listener starts, and how long and with how much memory they are answered
 *   --poison N    measure in pairs of S seconds, one of each with N messages a second beside that cannot be read, one of 10 MB every five seconds, and
 *                 tell which share of their pace the good ones keep: the median of the pairs, because a machine is seldom left alone for long
 *   --kubernetes local|none   where resources are made: in the local Kubernetes, in the listener's process; or nowhere, as if in a cluster that costs nothing
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { deadLetterQueue, EXCHANGE, HEADER, queueNames } from "#api/amqp/names.ts";
import { declareTopology, topology } from "#api/amqp/topology.ts";
import { upsertUser } from "#store/users.ts";
import { addProduct } from "#test/support/product.ts";
import { testBroker } from "#test/support/rabbitmq.ts";
import { testStore } from "#test/support/store.ts";

const options = {
  rate: { type: "string", default: "0" },
  seconds: { type: "string", default: "20" },
  backlog: { type: "string", default: "0" },
  poison: { type: "string", default: "0" },
  kubernetes: { type: "string", default: "local" },
} as const;
const { values } = parseArgs({ options });
const [rate, seconds, backlog, poison] = [values.rate, values.seconds, values.backlog, values.poison].map(Number) as [
  number,
  number,
  number,
  number,
];
const UNDER_WAY = 500;
/** An odd number: one of them is in the middle. */
const PAIRS = 7;
const TENANT = "default";
const USERS = 20;

const store = await testStore("bench_amqp");
const broker = await testBroker();
if (!broker) process.exit(1);
for (let i = 0; i < USERS; i++) {
  await upsertUser(store.db, { email: `user-${i}@example.org`, role: "REGISTERED_USER", groups: [], active: true });
}
for (let i = 0; i < 100; i++) {
  await addProduct(store.db, { name: `p-${i}`, properties: { platform: [`sat-${i % 10}`] } }, new Date());
}
const connection = await broker.connect();
await declareTopology(connection, topology(TENANT));
const channel = await connection.createConfirmChannel();
const answers = await connection.createChannel();
const { queue } = await answers.assertQueue("", { exclusive: true });
await answers.bindQueue(queue, EXCHANGE.response, "");

const sentAt = new Map<string, number>();
const latencies: number[] = [];
let granted = 0;
let repeated = 0;
let onAnswer = () => {};
await answers.consume(
  queue,
  (message) => {
    if (!message) return;
    const began = sentAt.get(message.properties.correlationId);
    if (JSON.parse(message.content.toString()).status !== "GRANTED") throw new Error(message.content.toString());
    if (began === undefined) return void repeated++;
    sentAt.delete(message.properties.correlationId);
    latencies.push(performance.now() - began);
    granted++;
    onAnswer();
  },
  { noAck: true },
);

let sent = 0;
const headers = { [HEADER.tenant]: TENANT };
function publish(): void {
  const correlationId = `r-${sent}`;
  const request = { correlationId, user: `user-${sent % USERS}@example.org`, queries: [`platform:sat-${sent % 10}`] };
  sent++;
  sentAt.set(correlationId, performance.now());
  channel.publish(EXCHANGE.request, "", Buffer.from(JSON.stringify(request)), { headers, persistent: true });
}

async function until(what: () => boolean): Promise<void> {
  while (!what()) await Bun.sleep(5);
}

if (backlog > 0) {
  for (let i = 0; i < backlog; i++) {
    publish();
    if (i % 1000 === 999) await channel.waitForConfirms();
  }
  await channel.waitForConfirms();
}
const listener = Bun.spawn(
  [process.execPath, join(import.meta.dir, "amqp-listener.ts"), store.url, store.schema, broker.url, values.kubernetes],
  { stdin: "ignore", stdout: "pipe", stderr: "inherit" },
);
await listener.stdout.getReader().read();

function memory(): number {
  const status = readFileSync(`/proc/${listener.pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024;
}

/** Processor time so far, also told where the machine is busy with other things. */
async function processorSeconds(): Promise<Readonly<Record<string, number>>> {
  const backends = await store.db<{ pid: number }[]>`
    SELECT pid FROM pg_stat_activity WHERE datname = current_database()`;
  return {
    listener: secondsOf(listener.pid),
    broker: secondsOf(await broker?.pid()),
    PostgreSQL: backends.reduce((sum, { pid }) => sum + secondsOf(pid), 0),
  };
}

function secondsOf(pid: number | undefined): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return 0;
  }
}

if (backlog > 0) {
  const began = performance.now();
  const memories: number[] = [];
  const timer = setInterval(() => memories.push(memory()), 500);
  await until(() => granted >= backlog);
  clearInterval(timer);
  const took = (performance.now() - began) / 1000;
  const half = memories.slice(Math.floor(memories.length / 2));
  process.stdout.write(`backlog of ${backlog}: ${took.toFixed(1)} s, ${(backlog / took).toFixed(0)} a second; `);
  process.stdout.write(
    `listener ${Math.max(...memories).toFixed(0)} MB at most, ${Math.max(...half).toFixed(0)} MB in the second half\n`,
  );
  latencies.length = 0;
}

const spent = await processorSeconds();
const counted = granted;
if (poison > 0) await comparePairs();
else await measure({ poisoned: false });
const share = Object.entries(await processorSeconds()).map(
  ([who, after]) => `${who} ${(((after - (spent[who] ?? 0)) * 1000) / (granted - counted)).toFixed(2)}`,
);

/** Which of a pair is first changes, so that a machine that gets busier or idler in the meantime favours neither. */
async function comparePairs(): Promise<void> {
  const paces: number[] = [];
  const costs: number[] = [];
  for (let pair = 0; pair < PAIRS; pair++) {
    const [first, second] = pair % 2 === 0 ? [false, true] : [true, false];
    const [a, b] = [await measured(first), await measured(second)];
    const [alone, beside] = first ? [b, a] : [a, b];
    paces.push((100 * beside.pace) / alone.pace);
    costs.push((100 * beside.cost) / alone.cost);
  }
  const aside = await channel.checkQueue(deadLetterQueue(queueNames(TENANT).request));
  process.stdout.write(`beside ${aside.messageCount} of poison good ones keep ${median(paces)} of their pace, `);
  process.stdout.write(`and each costs ${median(costs)} of its processor time, the poison's included\n`);
}

/** A run, and what each good one cost in processor seconds. */
async function measured(poisoned = false): Promise<{ readonly pace: number; readonly cost: number }> {
  const total = (seconds: Readonly<Record<string, number>>) => Object.values(seconds).reduce((sum, n) => sum + n, 0);
  const before = { seconds: total(await processorSeconds()), granted };
  const pace = await measure({ poisoned });
  return { pace, cost: (total(await processorSeconds()) - before.seconds) / (granted - before.granted) };
}

function median(shares: readonly number[]): string {
  const sorted = [...shares].sort((a, b) => a - b).map((share) => share.toFixed(0));
  return `${sorted[(sorted.length - 1) / 2]} % (of ${sorted.join(", ")})`;
}

/** One run; answers how many a second were granted. */
async function measure({ poisoned }: { readonly poisoned: boolean }): Promise<number> {
  latencies.length = 0;
  const before = { granted, sent };
  const cpu = process.cpuUsage();
  const began = performance.now();
  const end = began + seconds * 1000;
  const poisoning = poisoned ? poisonUntil(end) : undefined;
  if (rate === 0) {
    onAnswer = () => {
      if (performance.now() < end) publish();
    };
    for (let i = 0; i < UNDER_WAY; i++) publish();
    await Bun.sleep(seconds * 1000);
  } else {
    for (let due = 0; performance.now() < end; due = ((performance.now() - began) / 1000) * rate) {
      while (sent - before.sent < due) publish();
      await Bun.sleep(2);
    }
  }
  await poisoning;
  await until(() => sentAt.size === 0);
  // To the last answer: on a slow machine most of them come after the last request.
  const took = (performance.now() - began) / 1000;
  const pace = (granted - before.granted) / took;
  const used = process.cpuUsage(cpu);
  latencies.sort((a, b) => a - b);
  const at = (part: number) => (latencies[Math.floor(latencies.length * part)] ?? Number.NaN).toFixed(0);
  process.stdout.write(
    `${pace.toFixed(0)} a second over ${took.toFixed(0)} s${poisoned ? " beside poison" : ""}; publish → GRANTED p50 ${at(0.5)} ms, p99 ${at(0.99)} ms; `,
  );
  process.stdout.write(`this client took ${((used.user + used.system) / 1e6 / took).toFixed(2)} of a processor\n`);
  return pace;
}

/** Every kind that cannot be read (rs-order.md §4.8), in turn. */
async function poisonUntil(end: number): Promise<void> {
  const good = { correlationId: "poison", user: "user-0@example.org", queries: ["platform:sat-1"] };
  const kinds = [
    { content: Buffer.from("{not json"), options: { headers } },
    { content: Buffer.from(JSON.stringify(good)), options: {} },
    { content: Buffer.from([0x22, 0xff, 0x22]), options: { headers } },
    { content: Buffer.from("[1, 2]"), options: { headers } },
    { content: Buffer.from(JSON.stringify({ ...good, correlationId: undefined })), options: { headers } },
  ];
  const large = Buffer.from(JSON.stringify({ ...good, padding: "x".repeat(10_000_000) }));
  const began = performance.now();
  for (let n = 0; performance.now() < end; await Bun.sleep(5)) {
    for (const due = ((performance.now() - began) / 1000) * poison; n < due; n++) {
      const { content, options: o } = kinds[n % kinds.length] ?? { content: large, options: {} };
      channel.publish(EXCHANGE.request, "", content, { ...o, persistent: true });
      if (n % (poison * 5) === 0) channel.publish(EXCHANGE.request, "", large, { headers, persistent: true });
    }
  }
}

const orders = await store.db<{ n: number }[]>`SELECT count(*) AS n FROM orders`;
process.stdout.write(`${sent} sent, ${orders[0]?.n} orders, ${granted} GRANTED, ${repeated} repeats; `);
process.stdout.write(`listener ${memory().toFixed(0)} MB\n`);
process.stdout.write(`processor milliseconds a request: ${share.join(", ")}\n`);
listener.kill();
await listener.exited;
await connection.close();
await store.drop();
await broker.stop();
process.exit(0);
