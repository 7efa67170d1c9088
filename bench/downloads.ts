/**
 * Many downloads of one order at once, by one user with quotas, from several API processes over one database: is every archive the same, is every
 * file counted once, are just those refused that must be, and what does it cost? The peer is the same with nothing to count: the order's files are
 * quicklooks then. All on this machine, over loopback.
 *   TEST_DATABASE_URL=… bun bench/downloads.ts [files] [KiB each] [downloads] [processes]
 */
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { setLimits, usageOf } from "#store/quotas.ts";
import { type ApiProcess, startApiProcess } from "#test/support/api-processes.ts";
import { ADA, apiWorld, PREFIX } from "#test/support/api-world.ts";
import { eventually } from "#test/support/eventually.ts";

const [files = 500, kib = 64, downloads = 50, processes = 2] = process.argv.slice(2).map(Number);
const ROUNDS = 3;
const MB = 1e6;

const world = await apiWorld("bench_downloads");
world.clock.now = new Date();
const servers: ApiProcess[] = [];
const headers = { authorization: `Bearer ${await world.token(ADA)}` };

type Got = { readonly status: number; readonly sha256: string; readonly bytes: number; readonly firstByteMs: number };

async function fetched(url: string): Promise<Got> {
  const started = performance.now();
  const response = await fetch(url, { headers });
  const firstByteMs = performance.now() - started;
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { status: response.status, sha256: hash.digest("hex"), bytes, firstByteMs };
}

/** All at once, over the servers in turn. */
async function manyAtOnce(path: string) {
  const started = performance.now();
  const urls = Array.from({ length: downloads }, (_, i) => `${servers[i % servers.length]?.url}${PREFIX}${path}`);
  const got = await Promise.all(urls.map((url) => fetched(url)));
  const seconds = (performance.now() - started) / 1000;
  const ok = got.filter(({ status }) => status === 200);
  const bytes = got.reduce((sum, one) => sum + one.bytes, 0);
  return {
    ok: ok.length,
    refused: got.filter(({ status }) => status === 429).length,
    archives: new Set(ok.map(({ sha256 }) => sha256)).size,
    mbPerS: Math.round(bytes / MB / seconds),
    firstByteMs: Math.round(median(ok.map(({ firstByteMs }) => firstByteMs))),
  };
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

async function used() {
  const [usage] = await usageOf(world.db, [ADA], { now: new Date() });
  return { files: usage?.currentQuota, downloads: usage?.currentRate };
}

const quiet = () => eventually("no download runs", async () => (await used()).downloads === 0);

/** Looks again and again how many downloads hold a place. */
function mostAtOnce() {
  let most = 0;
  let watching = true;
  const watch = async () => {
    while (watching) most = Math.max(most, (await used()).downloads ?? 0);
  };
  const watched = watch();
  return {
    end: async () => {
      watching = false;
      await watched;
      return most;
    },
  };
}

async function rawdata(is: boolean): Promise<void> {
  await world.db`UPDATE order_files SET file_type = ${is ? "RAWDATA" : "QUICKLOOK_SD"}`;
}

async function forget(limits: { maxQuota: number; rateLimit: number }): Promise<void> {
  await world.db`TRUNCATE quotas, counted_files, downloads`;
  await setLimits(world.db, ADA, limits);
}

function rssMib(pid: number): number {
  return Math.round(Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024);
}

async function main(): Promise<void> {
  const order = await world.order(
    Array.from({ length: files }, (_, i) => ({ name: `file-${i}.bin`, content: randomBytes(kib * 1024) })),
  );
  for (let i = 0; i < processes; i++) servers.push(await startApiProcess(world));
  const path = `/user/orders/${order.id}/download?all=true`;
  await manyAtOnce(path);
  const rounds = [];
  for (let round = 0; round < ROUNDS; round++) {
    await rawdata(false);
    await forget({ maxQuota: files, rateLimit: downloads });
    const free = await manyAtOnce(path);
    await rawdata(true);
    const counted = await manyAtOnce(path);
    await quiet();
    rounds.push({ free, counted, used: await used() });
  }
  const limit = Math.floor(downloads / 2);
  await forget({ maxQuota: files, rateLimit: limit });
  const watching = mostAtOnce();
  const limited = await manyAtOnce(path);
  const most = await watching.end();
  await quiet();
  const rate = { limit, mostAtOnce: most, ...limited, used: await used() };
  await forget({ maxQuota: files - 1, rateLimit: -1 });
  const beyond = await manyAtOnce(path);
  const beyondUsed = await used();
  console.log(
    JSON.stringify(
      {
        files,
        kibEach: kib,
        downloads,
        processes,
        rounds,
        rate,
        quotaOneTooSmall: { ...beyond, used: beyondUsed },
        rssPeakMiB: servers.map(({ pid }) => rssMib(pid)),
      },
      null,
      1,
    ),
  );
}

try {
  await main();
} finally {
  await Promise.all(servers.map((server) => server.end("SIGKILL")));
  await world.close();
}
