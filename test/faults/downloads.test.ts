/** Quotas while API processes die: nothing is counted twice or forgotten, and no place is lost for good. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { STALLED_MS, setLimits, usageOf } from "#store/quotas.ts";
import { type ApiProcess, startApiProcess } from "#test/support/api-processes.ts";
import { ADA, type ApiWorld, apiWorld, PREFIX } from "#test/support/api-world.ts";
import { eventually } from "#test/support/eventually.ts";

const MIB = 1024 * 1024;
let world: ApiWorld;
let first: ApiProcess;
let second: ApiProcess;
beforeAll(async () => {
  world = await apiWorld("faults_downloads");
  world.clock.now = new Date();
  [first, second] = await Promise.all([startApiProcess(world), startApiProcess(world)]);
});
afterAll(async () => {
  await Promise.all([first.end("SIGKILL"), second.end("SIGKILL")]);
  await world.close();
});

async function download(at: ApiProcess, id: number): Promise<Response> {
  const headers = { authorization: `Bearer ${await world.token(ADA)}` };
  return fetch(`${at.url}${PREFIX}/user/orders/${id}/download?all=true`, { headers });
}

async function used() {
  const [usage] = await usageOf(world.db, [ADA], { now: world.clock.now });
  return { files: usage?.currentQuota, downloads: usage?.currentRate };
}

test("a process killed in the middle of a download leaves its place to others after a while, and the files counted once", async () => {
  const big = { content: new Uint8Array(48 * MIB).fill(7) };
  const { id } = await world.order([
    { name: "a.bin", ...big },
    { name: "b.bin", ...big },
  ]);
  await setLimits(world.db, ADA, { maxQuota: 2, rateLimit: 1 });
  const cut = await download(first, id);
  await cut.body?.getReader().read();
  expect(await used()).toEqual({ files: 2, downloads: 1 });
  await first.end("SIGKILL");
  const refused = await download(second, id);
  expect([refused.status, await refused.json()]).toEqual([
    429,
    { messages: [`Download rate of 1 exceeded (by 1) for user ${ADA}.`] },
  ]);
  world.clock.now = new Date(Date.now() + STALLED_MS + 5_000);
  expect(await used()).toEqual({ files: 2, downloads: 0 });
  const again = await world.call(`GET /user/orders/${id}/download?all=true`);
  expect([again.status, (await again.arrayBuffer()).byteLength > 96 * MIB]).toEqual([200, true]);
  expect(await used()).toEqual({ files: 2, downloads: 0 });
});

/** Takes at least so many bytes and leaves the rest. */
async function takeSome(response: Response, least: number): Promise<number> {
  const reader = response.body?.getReader();
  let taken = 0;
  while (taken < least) taken += (await reader?.read())?.value?.length ?? Number.POSITIVE_INFINITY;
  return taken;
}

test("a download over processes that are killed in the middle, one after the other, counts as downloaded once it is whole", async () => {
  await setLimits(world.db, ADA, { maxQuota: -1, rateLimit: -1 });
  const files = ["a.bin", "b.bin", "c.bin"].map((name, i) => ({ name, content: new Uint8Array(24 * MIB).fill(i) }));
  const { id, files: ids } = await world.order(files);
  const headers = { authorization: `Bearer ${await world.token(ADA)}` };
  for (const path of [`/user/orders/${id}/download?all=true`, `/orders/files/${ids[2]}`]) {
    await world.db`UPDATE order_files SET state = 'AVAILABLE' WHERE order_id = ${id}`;
    let tag = "";
    let taken = 0;
    for (const least of [6 * MIB, 3 * MIB]) {
      const process = await startApiProcess(world);
      const range = { range: `bytes=${taken}-`, "if-range": tag };
      const part = await fetch(`${process.url}${PREFIX}${path}`, { headers: { ...headers, ...(tag && range) } });
      tag = part.headers.get("etag") ?? "";
      taken += await takeSome(part, least);
      await process.end("SIGKILL");
    }
    const range = { range: `bytes=${taken}-`, "if-range": tag };
    const rest = await fetch(`${second.url}${PREFIX}${path}`, { headers: { ...headers, ...range } });
    expect([rest.status, (await rest.arrayBuffer()).byteLength]).toEqual([
      206,
      Number(rest.headers.get("content-length")),
    ]);
    const want = path.includes("files") ? ["AVAILABLE", "AVAILABLE", "DOWNLOADED"] : files.map(() => "DOWNLOADED");
    await eventually(`of ${path} the files are ${want}`, async () => Bun.deepEquals(await world.states(id), want));
  }
}, 60_000);
