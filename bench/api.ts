/**
 * What clients of the REST API feel beside a full database: an order polled, a page of a long list, a table of all orders. The served program on a
 * PostgreSQL of its own making (or the one that TEST_DATABASE_URL names), seeded with orders and files. `bun bench/api.ts [files] [orders] [seconds]`.
 */
import { readFileSync } from "node:fs";
import type { Db } from "#store/db.ts";
import { type ServedWorld, servedWorld } from "#test/support/served-world.ts";

const FILES = Number(process.argv[2] ?? 1_000_000);
const ORDERS = Number(process.argv[3] ?? 100_000);
const SECONDS = Number(process.argv[4] ?? 20);
const OWN_ORDERS = 10_000;
const POLLS_PER_SECOND = 500;
const PAGE = 20;
const LISTS = 40;

const world = await servedWorld("bench_api");
try {
  await seed(world.db);
  await polls(world);
  await lists(world);
  await table(world);
} finally {
  await world.close();
}

/** Ada's orders and everybody's, ended and awaited, with files among Ada's. */
async function seed(db: Db): Promise<void> {
  await db`
    INSERT INTO orders (owner, label, correlation_id, resource_name, resource_uid, spec, spec_hash, role, channel, created_at, status,
      status_time, percent_completed, files_total, files_available, sub_orders_total, sub_orders_succeeded, purged, expiration_time)
    SELECT CASE WHEN n <= ${OWN_ORDERS} THEN 'ada@example.org' ELSE 'user-' || n % 500 || '@example.org' END, 'order ' || n, 'key-' || n,
      'order-' || n, gen_random_uuid()::text, '{"owner":"x","selections":[{"query":"a:b"}],"suspend":false,"retry":0}', md5(n::text),
      'REGISTERED_USER', 'rest', now() - n * interval '1 minute', CASE WHEN n % 7 = 0 THEN 'DELETED' ELSE 'EXPIRED' END, now(), 100, 100, 100, 1, 1,
      true, now() - interval '1 day'
    FROM generate_series(1, ${ORDERS}) n`;
  await db`
    INSERT INTO order_datasets (order_id, dataset_urn, dataset_label, products_count, files_count, files_size)
    SELECT id, 'URN:D', 'images', 100, 100, 100000 FROM orders`;
  await db`
    INSERT INTO order_files (order_id, sub_order, reference, product_version, product_urn, provider_id, file_type, uri, filename, mime_type,
      size, state)
    SELECT 1 + n % ${OWN_ORDERS}, 1, false, 1, 'URN:AIP:DATA:archive:' || gen_random_uuid() || ':V1', 'product-' || n, 'RAWDATA',
      'https://archive.example.org/products/2026/03/01/GRANULE/IMG_DATA/' || n || '.jp2', n || '.jp2', 'image/jp2', 1000, 'AVAILABLE'
    FROM generate_series(1, ${FILES}) n`;
  // As autovacuum leaves tables.
  await db`VACUUM ANALYZE`;
  print("seeded", `${ORDERS} orders, ${FILES} files`);
}

/** At a steady pace, whether answers come or not: an open loop, as many clients are. */
async function polls(served: ServedWorld): Promise<void> {
  const headers = { authorization: `Bearer ${await served.token("ada")}` };
  const running = await served.running();
  const url = `${served.base()}/user/orders/${running}`;
  const once = async () => {
    const began = performance.now();
    const response = await fetch(url, { headers });
    await response.arrayBuffer();
    if (response.status !== 200) throw new Error(`Cannot poll: ${response.status}`);
    return performance.now() - began;
  };
  for (let n = 0; n < POLLS_PER_SECOND; n++) await once();
  const pending: Promise<number>[] = [];
  const start = performance.now();
  for (let n = 0; n < POLLS_PER_SECOND * SECONDS; n++) {
    const due = start + (n * 1000) / POLLS_PER_SECOND;
    const ahead = due - performance.now();
    if (ahead > 1) await Bun.sleep(ahead);
    pending.push(once());
  }
  const times = await Promise.all(pending);
  const reached = Math.round(times.length / ((performance.now() - start) / 1000));
  print("poll", `${quantiles(times)} at ${reached}/s over ${SECONDS} s`);
}

async function lists(served: ServedWorld): Promise<void> {
  const headers = { authorization: `Bearer ${await served.token("ada")}` };
  const last = Math.floor((OWN_ORDERS * 6) / 7 / PAGE) - 1;
  for (const page of [0, Math.floor(last / 2), last]) {
    const times: number[] = [];
    for (let n = 0; n < LISTS; n++) {
      const began = performance.now();
      const response = await fetch(`${served.base()}/user/orders?size=${PAGE}&page=${page}`, { headers });
      const { content } = (await response.json()) as { content: unknown[] };
      if (content.length !== PAGE) throw new Error(`Cannot list page ${page}: ${content.length} orders`);
      times.push(performance.now() - began);
    }
    print(`list page ${page}`, quantiles(times.slice(LISTS / 4)));
  }
}

async function table(served: ServedWorld): Promise<void> {
  const headers = { authorization: `Bearer ${await served.token("exploiter")}`, "content-type": "application/json" };
  const before = memory(served.pid());
  let peak = before;
  const watch = setInterval(() => {
    peak = Math.max(peak, memory(served.pid()));
  }, 20);
  const began = performance.now();
  const response = await fetch(`${served.base()}/orders/csv`, { method: "POST", headers, body: "{}" });
  let lines = 0;
  for await (const chunk of response.body ?? []) for (const byte of chunk) if (byte === 10) lines++;
  clearInterval(watch);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  print("csv", `${lines - 1} orders in ${seconds} s, resident ${before} MB before, ${peak} MB at most`);
}

/** Resident megabytes of a process. */
function memory(pid: number): number {
  const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Math.round(Number(kilobytes) / 1024);
}

function quantiles(times: readonly number[]): string {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number) =>
    (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0).toFixed(1);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms`;
}

function print(what: string, figure: string): void {
  process.stdout.write(`${what.padEnd(14)} ${figure}\n`);
}
