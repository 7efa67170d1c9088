/**
 * Two operators as processes: the leader is killed, told to stop, or frozen and thawed. The other acts within the lease's time, every order is
 * carried out once, and who has lost the lease starts no write, neither to Kubernetes nor to the database.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { API_VERSION } from "#crds/names.ts";
import type { Order } from "#crds/order.ts";
import { ORDERS } from "#crds/resource-types.ts";
import { JOBS } from "#kube/kinds.ts";
import { resourceApi } from "#kube/resource.ts";
import { type DatabaseWriters, noteDatabaseWriters } from "#test/support/database-writers.ts";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import type { RoleProcess } from "#test/support/role.ts";
import { type RolesWorld, rolesWorld, USER } from "#test/support/roles-world.ts";

const LONG_MS = 180_000;
/** 15 s of lease, 2 s until the next try, and a margin. */
const TAKEN_OVER_MS = 20_000;
/** Told to stop, it hands over within moments: with room for a machine that has much to do, but before its lease would run out. */
const HANDED_OVER_MS = 10_000;
/** Longer than a lease. */
const FROZEN_MS = 18_000;
let world: RolesWorld;
let writers: DatabaseWriters;
let operators: Record<string, RoleProcess> = {};
let orders = 0;

beforeAll(async () => {
  world = await rolesWorld("operator_lease");
  await world.prepare();
  writers = await noteDatabaseWriters(world.db);
}, LONG_MS);
afterAll(() => world.close(), LONG_MS);
afterEach(async () => {
  await Promise.all(Object.values(operators).map((each) => each.end("SIGKILL")));
  operators = {};
});

async function startBoth(): Promise<{ leader: string; standby: string }> {
  const names = [`a${orders}`, `b${orders}`];
  await Promise.all(
    names.map(async (name) => {
      operators[name] = await world.start(name, "operator");
    }),
  );
  const leader = await leadingOneOf(names, LIMIT.slow);
  return { leader, standby: names.find((name) => name !== leader) ?? "" };
}

async function leadingOneOf(names: readonly string[], limitMs: number): Promise<string> {
  return await eventually(
    `one of ${names.join(", ")} leads`,
    async () => {
      const holder = await world.leaseHolder();
      return names.find((name) => holder?.startsWith(`${name}_`));
    },
    limitMs,
  );
}

/** `kubectl apply` of an order of so many files. */
async function apply(files: number): Promise<string> {
  const name = `lease-${++orders}`;
  for (let i = 0; i < files; i++) await world.product(`${name}-${i}`, new TextEncoder().encode(`${name} ${i}`));
  await resourceApi<Order>(world.transport, ORDERS).create({
    apiVersion: API_VERSION,
    kind: "Order",
    metadata: { name },
    spec: { owner: USER, selections: [{ query: `name:${name}-*` }], suspend: false, retry: 0 },
  });
  return name;
}

async function succeeded(name: string, limitMs: number): Promise<void> {
  await eventually(
    `${name} has succeeded`,
    async () => {
      const order = await resourceApi<Order>(world.transport, ORDERS).get(name);
      const is = order?.status?.conditions?.find(({ type }) => type === "Succeeded");
      if (is?.status !== "True") throw new Error(JSON.stringify(order?.status?.conditions));
      return true;
    },
    limitMs,
  );
}

/** One Job for each sub-order: nothing was done twice. */
async function jobsMade(name: string): Promise<readonly string[]> {
  const made = world.writes.filter(({ what }) => what.startsWith("POST") && what.endsWith("/jobs"));
  const { items } = await resourceApi(world.transport, JOBS).list();
  expect(made.length).toBeGreaterThanOrEqual(items.length);
  return items.map(({ metadata }) => metadata.name).filter((job) => job.startsWith(`${name}-`));
}

describe("two operators", () => {
  test(
    "the leader is killed: the other acts within the time of the lease",
    async () => {
      const { leader, standby } = await startBoth();
      await succeeded(await apply(1), LIMIT.slow);
      await operators[leader]?.end("SIGKILL");
      const killedAt = performance.now();
      const name = await apply(2);
      await leadingOneOf([standby], TAKEN_OVER_MS);
      expect(performance.now() - killedAt).toBeLessThan(TAKEN_OVER_MS);
      await succeeded(name, LIMIT.slow);
      expect(await jobsMade(name)).toEqual([`${name}-1-a1`]);
    },
    LONG_MS,
  );

  test(
    "the leader is told to stop: it hands over at once",
    async () => {
      const { leader, standby } = await startBoth();
      const told = performance.now();
      const end = operators[leader]?.end("SIGTERM");
      await leadingOneOf([standby], HANDED_OVER_MS);
      expect(performance.now() - told).toBeLessThan(HANDED_OVER_MS);
      expect(await end).toBe(0);
      await succeeded(await apply(1), LIMIT.slow);
    },
    LONG_MS,
  );

  test(
    "the leader is frozen in the middle of its work and thawed: it starts no write without the lease",
    async () => {
      const { leader, standby } = await startBoth();
      const frozen = operators[leader];
      const name = await apply(3);
      await eventually("it is at work", () =>
        world.writes.some(({ who, what }) => who === leader && /orders/.test(what)),
      );
      frozen?.signal("SIGSTOP");
      const before = world.writes.length;
      await leadingOneOf([standby], TAKEN_OVER_MS + FROZEN_MS);
      await succeeded(name, LIMIT.slow);
      const thawed = await writers.now();
      const thawedAt = performance.now();
      frozen?.signal("SIGCONT");
      await eventually("it knows that it has lost", () => frozen?.log().includes("Leadership lost"));
      const more = await apply(2);
      await succeeded(more, LIMIT.slow);
      const late = world.writes.slice(before).filter(({ who, at }) => who === leader && at > thawedAt);
      // What it may do is ask for the lease, like anybody; a request that was on the wire when it froze is older than the thaw.
      expect(late.filter(({ what }) => !what.includes("/leases/"))).toEqual([]);
      expect(await writers.writesOf(`regards-order operator ${leader}`, thawed)).toBe(0);
      expect((await jobsMade(name)).length + (await jobsMade(more)).length).toBe(2);
      expect(await frozen?.probe("healthz")).toBe(200);
      await operators[standby]?.end("SIGTERM");
      await leadingOneOf([leader], LIMIT.normal);
      await succeeded(await apply(1), LIMIT.slow);
    },
    LONG_MS,
  );
});
