/**
 * How fast an order's archive leaves, and with how much memory: our archive against `zip -0 -` piped through the same HTTP server and against
 * fflate on it, all to curl over loopback from the page cache, in turns within one run. Then a hundred downloads at once.
 *   TEST_DATABASE_URL=… bun bench/zip.ts [files] [MiB each]
 */
import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Zip, ZipPassThrough } from "fflate";
import { serveApi } from "#api/http/serve.ts";
import { streamOf } from "#api/http/stream-of.ts";
import { ADA, apiWorld, PREFIX } from "#test/support/api-world.ts";
import { temporaryFolder } from "#test/support/folder.ts";

const MIB = 1024 * 1024;
const ROUNDS = 3;
const PARALLEL = 100;
const [files = 20, mib = 50] = process.argv.slice(2).map(Number);

const world = await apiWorld("bench_zip");
const folder = temporaryFolder("bench-zip");
const token = await world.token(ADA);
const rssMib = () => Math.round(process.memoryUsage().rss / MIB);

/** Megabytes per second of one whole download. */
async function speed(url: string): Promise<number> {
  const child = Bun.spawn(
    ["curl", "-sf", "-o", "/dev/null", "-w", "%{speed_download}", "-H", `Authorization: Bearer ${token}`, url],
    { stdout: "pipe" },
  );
  const text = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new Error(`Cannot download '${url}'`);
  return Number(text) / 1e6;
}

/** fflate's stored archive of the files, made as it is read. */
async function* fflateZip(folderPath: string): AsyncGenerator<Uint8Array> {
  let made: Uint8Array[] = [];
  const zip = new Zip((error, chunk) => {
    if (error) throw error;
    made.push(chunk);
  });
  for (let i = 0; i < files; i++) {
    const entry = new ZipPassThrough(`file-${i}.bin`);
    zip.add(entry);
    for await (const chunk of Bun.file(join(folderPath, `file-${i}.bin`)).stream()) {
      entry.push(chunk);
      yield* made;
      made = [];
    }
    entry.push(new Uint8Array(0), true);
  }
  zip.end();
  yield* made;
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

async function main(): Promise<void> {
  const input = join(folder.path, "input");
  await mkdir(input);
  const contents = Array.from({ length: files }, () => randomBytes(mib * MIB));
  await Promise.all(contents.map((content, i) => writeFile(join(input, `file-${i}.bin`), content)));
  const order = await world.order(contents.map((content, i) => ({ name: `file-${i}.bin`, content })));
  contents.length = 0;
  const ours = await serveApi(world.app, { host: "127.0.0.1", port: 0 });
  const infoZip = await serveApi(
    {
      handle: () => {
        const child = Bun.spawn(["sh", "-c", "exec zip -0 -q -j - *"], {
          cwd: input,
          stdout: "pipe",
          stderr: "ignore",
        });
        return new Response(child.stdout, { headers: { "content-type": "application/zip" } });
      },
    },
    { host: "127.0.0.1", port: 0 },
  );
  const fflate = await serveApi(
    { handle: () => new Response(streamOf(fflateZip(input)), { headers: { "content-type": "application/zip" } }) },
    { host: "127.0.0.1", port: 0 },
  );
  const url = `${ours.url}${PREFIX}/user/orders/${order.id}/download?all=true`;
  await speed(url);
  const [mine, theirs, others]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < ROUNDS; round++) {
    mine.push(await speed(url));
    theirs.push(await speed(infoZip.url));
    others.push(await speed(fflate.url));
  }
  Bun.gc(true);
  const idle = rssMib();
  const { peak, whole } = await manyAtOnce(url);
  console.log(
    JSON.stringify({
      files,
      mibEach: mib,
      oursMBs: Math.round(median(mine)),
      infoZipMBs: Math.round(median(theirs)),
      fflateMBs: Math.round(median(others)),
      ratio: Math.round((median(mine) / median(theirs)) * 100) / 100,
      ratioFflate: Math.round((median(mine) / median(others)) * 100) / 100,
      rssIdleMiB: idle,
      rssPeakMiB: peak,
      parallel: PARALLEL,
      parallelMBs: Math.round(whole),
    }),
  );
  await Promise.all([ours.stop({ withinMs: 100 }), infoZip.stop({ withinMs: 100 }), fflate.stop({ withinMs: 100 })]);
}

/** A hundred downloads at once: the most memory of this process, and what all got together. */
async function manyAtOnce(url: string): Promise<{ peak: number; whole: number }> {
  let peak = 0;
  const sampling = setInterval(() => {
    peak = Math.max(peak, rssMib());
  }, 20);
  const started = performance.now();
  const speeds = await Promise.all(Array.from({ length: PARALLEL }, () => speed(url)));
  clearInterval(sampling);
  const seconds = (performance.now() - started) / 1000;
  return { peak, whole: (speeds.length * files * mib * MIB) / 1e6 / seconds };
}

try {
  await main();
} finally {
  await world.close();
  folder.remove();
}
