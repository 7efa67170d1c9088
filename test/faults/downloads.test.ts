/** Quotas while API processes die: nothing is counted twice or forgotten, and no place is lost for good. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { STALLED_MS, setLimits, usageOf } from "#store/quotas.ts";
import { type ApiProcess, startApiProcess } from "#test/support/api-processes.ts";
import { ADA, type ApiWorld, apiWorld, PREFIX } from "#test/support/api-world.ts";

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
