/**
 * How quick one worker is, from a loopback web server to a folder of blobs, database included:
 *   TEST_DATABASE_URL=… bun bench/worker.ts [small files] [large MiB]
 * The server shares the machine with the worker, so the figures are lower bounds. One JSON line per case.
 */
import { randomBytes } from "node:crypto";
import { pino } from "pino";
import { readSettings } from "#store/settings.ts";
import { subOrderWorld } from "#test/support/sub-order-world.ts";
import { DEFAULT_POLICY } from "#worker/fetch/policy.ts";
import { runWorker } from "#worker/run.ts";

const smallFiles = Number(process.argv[2] ?? 3000);
const largeMiB = Number(process.argv[3] ?? 1024);
const MIB = 1024 * 1024;

const world = await subOrderWorld("bench_worker");
const quick = Bun.serve({ port: 0, hostname: "127.0.0.1", idleTimeout: 0, fetch: serve });

/** `/random/BYTES/ID`: bytes that differ from id to id, so that every file is a blob of its own. */
function serve(request: Request): Response {
  const [, , size = "0", id = ""] = new URL(request.url).pathname.split("/");
  const bytes = new Uint8Array(Number(size));
  new TextEncoder().encodeInto(id, bytes);
  return new Response(bytes);
}

async function measure(name: string, { count, bytes, parallel }: { count: number; bytes: number; parallel: number }) {
  const { orderId } = await world.order(
    Array.from({ length: count }, (_, i) => ({
      uri: `${quick.url}random/${bytes}/${name}-${i}-${randomBytes(4).toString("hex")}`,
      size: bytes,
    })),
  );
  const settings = await readSettings(world.db);
  const cpu = process.cpuUsage();
  const started = performance.now();
  const code = await runWorker({
    db: world.db,
    blobs: world.blobs,
    orderId,
    number: 1,
    attempt: 1,
    settings,
    logger: pino({ level: "warn" }),
    now: () => new Date(),
    random: Math.random,
    policy: { ...DEFAULT_POLICY, parallel },
    signal: new AbortController().signal,
  });
  const seconds = (performance.now() - started) / 1000;
  const used = process.cpuUsage(cpu);
  const line = {
    case: name,
    parallel,
    code,
    files: count,
    seconds: Number(seconds.toFixed(2)),
    filesPerSecond: Math.round(count / seconds),
    mibPerSecond: Math.round((count * bytes) / MIB / seconds),
    cpuSeconds: Number(((used.user + used.system) / 1e6).toFixed(2)),
    rssMiB: Math.round(process.memoryUsage.rss() / MIB),
  };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

try {
  await measure("warm-up", { count: 100, bytes: 1000, parallel: 6 });
  await measure("small", { count: smallFiles, bytes: 4096, parallel: 6 });
  await measure("small-16", { count: smallFiles, bytes: 4096, parallel: 16 });
  await measure("large", { count: Math.ceil(largeMiB / 64), bytes: 64 * MIB, parallel: 6 });
} finally {
  quick.stop(true);
  await world.close();
}
