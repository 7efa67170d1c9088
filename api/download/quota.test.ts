/** Download quotas as a client meets them (rs-order.md §6.6): who pays, what counts, what is refused and in which words. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { setLimits, usageOf } from "#store/quotas.ts";
import { writeSetting } from "#store/settings.ts";
import { ADA, ADMIN, type ApiWorld, apiWorld, BOB, PREFIX, SECRET, type TestFile } from "#test/support/api-world.ts";
import { eventually } from "#test/support/eventually.ts";
import { sourceServer } from "#test/support/source-server.ts";
import { issueOrderToken, orderTokenKey } from "../auth/order-tokens.ts";
import { type Served, serveApi } from "../http/serve.ts";

let world: ApiWorld;
beforeAll(async () => {
  world = await apiWorld("api_download_quota");
});
afterAll(() => world.close());
beforeEach(async () => {
  await world.db`TRUNCATE quotas, counted_files, downloads`;
});

const zip = (id: number) => `GET /user/orders/${id}/download`;
const single = (id: number | undefined) => `GET /orders/files/${id}`;
const FIVE: readonly TestFile[] = ["a", "b", "c", "d", "e"].map((name) => ({ name, content: `content of ${name}` }));

async function used(email = ADA) {
  const [usage] = await usageOf(world.db, [email], { now: world.clock.now });
  return [usage?.currentQuota, usage?.currentRate];
}

/** Fetched to its end. */
async function fetched(route: string, o: Parameters<ApiWorld["call"]>[1] = {}) {
  const response = await world.call(route, o);
  const text = await response.text();
  return { status: response.status, headers: response.headers, text };
}

async function refusal(route: string) {
  const { status, text } = await fetched(route);
  return { status, messages: (JSON.parse(text) as { messages: string[] }).messages };
}

describe("quota", () => {
  test("429 for a file beyond it, in the contract's words, and the file stays as it is", async () => {
    const { id, files } = await world.order(FIVE);
    await setLimits(world.db, ADA, { maxQuota: 1 });
    expect((await fetched(single(files[0]))).status).toBe(200);
    expect(await refusal(single(files[1]))).toEqual({
      status: 429,
      messages: [`Download quota of 1 exceeded (by 1) for user ${ADA}.`, "Files that count: 1 asked for, 0 left"],
    });
    expect((await world.states(id))[1]).toBe("AVAILABLE");
    expect(await used()).toEqual([1, 0]);
  });

  test("429 for an archive beyond it; the files one by one as far as it goes", async () => {
    const { id, files } = await world.order(FIVE);
    await setLimits(world.db, ADA, { maxQuota: 3 });
    expect(await refusal(zip(id))).toEqual({
      status: 429,
      messages: [`Download quota of 3 exceeded (by 2) for user ${ADA}.`, "Files that count: 5 asked for, 3 left"],
    });
    expect(await used()).toEqual([0, 0]);
    const statuses = [];
    for (const file of files) statuses.push((await fetched(single(file))).status);
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
  });

  test("an archive counts its files, whatever is fetched again costs nothing more", async () => {
    const { id, files } = await world.order(FIVE);
    await setLimits(world.db, ADA, { maxQuota: 5 });
    expect((await fetched(zip(id))).status).toBe(200);
    expect(await used()).toEqual([5, 0]);
    expect((await fetched(`${zip(id)}?all=true`)).status).toBe(200);
    expect((await fetched(single(files[2]))).status).toBe(200);
    expect(await used()).toEqual([5, 0]);
  });

  test("ranges of an archive count the files they touch, each once", async () => {
    const { id } = await world.order(FIVE);
    const head = await fetched(zip(id).replace("GET", "HEAD"));
    const size = Number(head.headers.get("content-length"));
    const part = (range: string) => fetched(`${zip(id)}?all=true`, { headers: { range: `bytes=${range}` } });
    await part("0-0");
    expect(await used()).toEqual([0, 0]);
    await part(`0-${Math.floor(size / 4)}`);
    const [some = 0] = await used();
    expect(some).toBeGreaterThan(0);
    expect(some).toBeLessThan(5);
    await part(`${Math.floor(size / 8)}-`);
    await part("0-");
    expect(await used()).toEqual([5, 0]);
  });

  test("ranges of a file count it once", async () => {
    const { files } = await world.order(FIVE);
    for (const range of ["bytes=0-3", "bytes=4-", "bytes=2-5"]) await fetched(single(files[0]), { headers: { range } });
    expect(await used()).toEqual([1, 0]);
  });

  test("what sends no bytes counts nothing: HEAD, 304, 416, 202, 204, 422", async () => {
    const { id, files } = await world.order([...FIVE, { name: "late" }, { name: "failed", error: "no" }]);
    const tag = (await fetched(`HEAD /orders/files/${files[0]}`)).headers.get("etag") ?? "";
    const statuses = [
      await fetched(zip(id).replace("GET", "HEAD")),
      await fetched(single(files[0]), { headers: { "if-none-match": tag } }),
      await fetched(single(files[0]), { headers: { range: "bytes=1000-" } }),
      await fetched(zip(id), { headers: { range: "bytes=100000000-" } }),
      await fetched(single(files[5])),
      await fetched(single(files[6])),
      await fetched(zip((await world.order([{ name: "x" }])).id)),
    ].map(({ status }) => status);
    expect(statuses).toEqual([200, 304, 416, 416, 202, 422, 204]);
    expect(await used()).toEqual([0, 0]);
  });

  test("references cost nothing, also for who may download nothing", async () => {
    const source = await sourceServer({ "/far": { bytes: Buffer.from("from afar") } });
    const { files } = await world.order([{ name: "far", reference: `${source.url}/far` }]);
    await writeSetting(world.db, "allowed_private_networks", ["127.0.0.0/8"]);
    await setLimits(world.db, ADA, { maxQuota: 0 });
    expect((await fetched(single(files[0]))).status).toBe(200);
    expect(await used()).toEqual([0, 0]);
    source.stop();
  });

  test("quicklooks cost nothing", async () => {
    const { id, files } = await world.order(FIVE);
    await world.db`UPDATE order_files SET file_type = 'QUICKLOOK_SD' WHERE id = ANY(${files.slice(1)}::bigint[])`;
    await setLimits(world.db, ADA, { maxQuota: 1 });
    expect((await fetched(zip(id))).status).toBe(200);
    expect(await used()).toEqual([1, 0]);
  });

  test("an administrator who fetches another's files pays; the holder of an order's token fetches for its owner", async () => {
    const { id, files } = await world.order(FIVE);
    await fetched(zip(id), { as: ADMIN });
    expect([await used(ADMIN), await used(ADA)]).toEqual([
      [5, 0],
      [0, 0],
    ]);
    const token = await issueOrderToken(orderTokenKey("default", SECRET), await world.row(id), { maxHours: 1 });
    const open = (file: number | undefined) =>
      fetched(`GET /orders/public/files/${file}?orderToken=${token}&scope=default`, { as: null });
    await setLimits(world.db, ADA, { maxQuota: 1 });
    expect([(await open(files[0])).status, (await open(files[0])).status, (await open(files[1])).status]).toEqual([
      200, 200, 429,
    ]);
    expect([await used(ADA), await used("public@regards.com")]).toEqual([
      [1, 0],
      [0, 0],
    ]);
  });
});

describe("rate", () => {
  test("429 for one download too many at a time, with a word when to come back; free again when one ends", async () => {
    const { id, files } = await world.order(FIVE);
    await setLimits(world.db, ADA, { rateLimit: 2 });
    const open = await Promise.all([world.call(`${zip(id)}?all=true`), world.call(single(files[0]))]);
    expect(open.map(({ status }) => status)).toEqual([200, 200]);
    const refused = await world.call(single(files[1]));
    expect([refused.status, refused.headers.get("retry-after"), await refused.json()]).toEqual([
      429,
      "10",
      { messages: [`Download rate of 2 exceeded (by 1) for user ${ADA}.`] },
    ]);
    expect((await fetched(single(files[1]), { as: ADMIN })).status).toBe(200);
    expect((await fetched(single(files[1]).replace("GET", "HEAD"))).status).toBe(200);
    await open[0]?.text();
    expect((await fetched(single(files[1]))).status).toBe(200);
    await open[1]?.text();
    expect(await used()).toEqual([5, 0]);
  });

  test("holds over several API processes", async () => {
    const { files } = await world.order(FIVE);
    await setLimits(world.db, ADA, { rateLimit: 1 });
    const open = await world.call(single(files[0]));
    const elsewhere = world.restarted();
    expect((await elsewhere.handle(await world.request(single(files[1])))).status).toBe(429);
    await open.text();
    expect((await elsewhere.handle(await world.request(single(files[1])))).status).toBe(200);
  });

  test("of one user does not hold up another", async () => {
    const mine = await world.order(FIVE);
    const his = await world.order(FIVE, { owner: BOB });
    await setLimits(world.db, ADA, { rateLimit: 0 });
    expect((await fetched(single(mine.files[0]))).status).toBe(429);
    expect((await fetched(single(his.files[0]), { as: BOB })).status).toBe(200);
  });
});

describe("over HTTP", () => {
  let served: Served;
  beforeAll(async () => {
    served = await serveApi(world.app, { host: "127.0.0.1", port: 0 });
  });
  afterAll(() => served.stop({ withinMs: 500 }));

  const MIB = 1024 * 1024;

  async function call(path: string, signal?: AbortSignal) {
    const headers = { authorization: `Bearer ${await world.token(ADA)}` };
    return fetch(served.url + PREFIX + path, { headers, ...(signal && { signal }) });
  }

  test("a place is free once the answer has gone, on a connection that stays open too", async () => {
    const { files } = await world.order(FIVE);
    await setLimits(world.db, ADA, { rateLimit: 1 });
    for (const file of files) {
      const response = await call(`/orders/files/${file}`);
      expect([response.status, (await response.text()).length]).toEqual([200, 12]);
      await eventually("the place is free", async () => (await used())[1] === 0);
    }
  });

  test("a client that goes away leaves its place, and has its files counted", async () => {
    const { id } = await world.order([{ name: "big.bin", content: new Uint8Array(64 * MIB).fill(7) }]);
    await setLimits(world.db, ADA, { rateLimit: 1, maxQuota: 1 });
    const gone = new AbortController();
    const response = await call(`/user/orders/${id}/download`, gone.signal);
    await response.body?.getReader().read();
    expect(await used()).toEqual([1, 1]);
    expect((await call(`/user/orders/${id}/download`)).status).toBe(429);
    gone.abort();
    await eventually("the place is free", async () => (await used())[1] === 0);
    const again = await call(`/user/orders/${id}/download`);
    expect([again.status, (await again.arrayBuffer()).byteLength > 64 * MIB]).toEqual([200, true]);
    expect((await used())[0]).toBe(1);
  });
});
