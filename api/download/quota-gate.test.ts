/** Places over time: who moves keeps one, who stands still or has died does not. */
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import pino from "pino";
import { STALLED_MS, setLimits, usageOf } from "#store/quotas.ts";
import { ADA, type ApiWorld, apiWorld } from "#test/support/api-world.ts";
import { eventually } from "#test/support/eventually.ts";
import { type QuotaGate, quotaGate } from "./quota-gate.ts";

let world: ApiWorld;
let gate: QuotaGate;
let order: Awaited<ReturnType<ApiWorld["order"]>>;
beforeAll(async () => {
  world = await apiWorld("api_quota_gate");
  const { db } = world;
  gate = quotaGate({ db, now: () => world.clock.now, logger: pino({ level: "silent" }), beatMs: 10 });
  order = await world.order([{ name: "a", content: "a" }]);
});
afterAll(() => world.close());
beforeEach(async () => {
  await world.db`TRUNCATE quotas, counted_files, downloads`;
  await setLimits(world.db, ADA, { rateLimit: 1 });
});

function pass(ms: number): void {
  world.clock.now = new Date(world.clock.now.getTime() + ms);
}

/** A download whose chunks are taken one by one. */
async function begin() {
  const request = new Request("http://localhost/");
  const passage = await gate.enter({ request, email: ADA, orderId: order.id, fileIds: order.files });
  async function* endless() {
    for (;;) yield new Uint8Array(1);
  }
  return passage(endless())[Symbol.asyncIterator]();
}

async function running(): Promise<number | undefined> {
  return (await usageOf(world.db, [ADA], { now: world.clock.now }))[0]?.currentRate;
}

async function toldThatItMoves(): Promise<void> {
  await eventually("it is told that it moves", async () => {
    const [row] = await world.db<{ movedAt: Date }[]>`SELECT moved_at FROM downloads`;
    return row?.movedAt.getTime() === world.clock.now.getTime();
  });
}

test("a download that moves keeps its place for as long as it takes", async () => {
  const download = await begin();
  for (let i = 0; i < 3; i++) {
    pass(STALLED_MS - 1);
    await download.next();
    await toldThatItMoves();
  }
  await expect(begin()).rejects.toThrow(`Download rate of 1 exceeded (by 1) for user ${ADA}.`);
  await download.return?.();
  expect(await running()).toBe(0);
});

test("a download that stands still leaves its place to another, and has one again when it moves", async () => {
  const still = await begin();
  pass(1);
  await still.next();
  await toldThatItMoves();
  pass(2 * STALLED_MS);
  const other = await begin();
  expect(await running()).toBe(1);
  await still.next();
  await eventually("both run", async () => (await running()) === 2);
  await other.next();
  await Promise.all([still.return?.(), other.return?.()]);
  expect(await running()).toBe(0);
  expect(await world.db`SELECT FROM downloads`).toHaveLength(0);
});
