/** What the operator does about processes themselves: their status, and the baskets that they have to leave. */
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import type { Process } from "#crds/process.ts";
import { findBasket, writeBasket } from "#store/baskets.ts";
import { upsertUser } from "#store/users.ts";
import { eventually } from "#test/support/eventually.ts";
import { ADA, BOB, type OperatorWorld, operatorWorld, quiet } from "#test/support/operator-world.ts";

/** Known by a token only. */
const GUEST = "guest@example.org";

let world: OperatorWorld;
beforeAll(async () => {
  world = await operatorWorld("operator_process", { config: { sweepSeconds: 0.2 } });
  await world.start().ready;
});
afterAll(() => world.stop());
beforeEach(async () => {
  await world.db`DELETE FROM baskets`;
  for (const email of [ADA, BOB]) {
    await upsertUser(world.db, { email, role: "REGISTERED_USER", groups: [], active: true });
  }
});

const ready = ({ status }: Process) => status?.conditions?.find(({ type }) => type === "Ready");

async function until(name: string, reason: string): Promise<Process> {
  return await eventually(`${name} is ${reason}`, async () => {
    const process = await world.processes.get(name);
    return process && ready(process)?.reason === reason ? process : undefined;
  });
}

/** A basket with one dataset of each label, each given the process. */
async function basket(owner: string, name: string, labels: readonly string[] = ["Radar"]): Promise<void> {
  const totals = { objects: 1, files: 1, bytes: 1, byType: {} };
  const process = { processBusinessId: name, name, parameters: {} };
  const put = labels.map((label) => ({ urn: `URN:${label}`, label, totals, process }));
  await writeBasket(world.db, owner, { from: await findBasket(world.db, owner), put });
}

/** Labels of the datasets that still have a process. */
async function attached(owner: string): Promise<readonly string[]> {
  const { datasets = [] } = (await findBasket(world.db, owner)) ?? {};
  return datasets.filter(({ process }) => process).map(({ label }) => label);
}

const isLeft = (owner: string, labels: readonly string[] = []) =>
  eventually(`the process has left the basket of ${owner} but for [${labels}]`, async () =>
    Bun.deepEquals(await attached(owner), labels),
  );

test("the status says whether a process can be ordered, follows its spec, and is written once", async () => {
  await world.process("told", { parameters: { properties: { width: { type: "integer" } } } });
  const good = await until("told", "Ready");
  expect(ready(good)).toMatchObject({ status: "True", message: "It can be ordered", observedGeneration: 1 });
  expect(good.status?.observedGeneration).toBe(1);
  await world.processes.patch("told", { spec: { parameters: { properties: { width: { type: "integr" } } } } });
  const bad = await until("told", "InvalidParameters");
  expect(ready(bad)).toMatchObject({ status: "False", observedGeneration: 2 });
  expect(ready(bad)?.message).toStartWith("parameters: schema is invalid: data/properties/width/type");
  await world.processes.patch("told", { spec: { parameters: null, resources: { limits: { memory: "much" } } } });
  const worse = await until("told", "InvalidResources");
  expect(ready(worse)?.message).toBe(
    "resources.limits.memory: expected a quantity such as '500m' or '2Gi', got 'much'",
  );
  expect(await quiet(world, 700)).toEqual([]);
});

test("a deleted process leaves all baskets; other processes, filters and selections stay", async () => {
  await world.process("deleted");
  await world.process("kept");
  await basket(ADA, "deleted", ["Optical", "Radar"]);
  await basket(BOB, "deleted");
  await basket(GUEST, "kept");
  await until("deleted", "Ready");
  expect([await attached(ADA), await attached(BOB)]).toEqual([["Optical", "Radar"], ["Radar"]]);
  await world.processes.delete("deleted");
  await isLeft(ADA);
  await isLeft(BOB);
  expect((await findBasket(world.db, ADA))?.datasets).toHaveLength(2);
  expect(await attached(GUEST)).toEqual(["Radar"]);
});

test("a process that is for fewer datasets leaves the others", async () => {
  await world.process("narrowed");
  await basket(ADA, "narrowed", ["Optical", "Radar", "Sonar"]);
  await world.processes.patch("narrowed", { spec: { datasets: ["Radar", "URN:Sonar"] } });
  await isLeft(ADA, ["Radar", "Sonar"]);
});

test("a process for higher roles leaves the baskets of those below, as far as their role is known", async () => {
  await world.process("raised");
  await upsertUser(world.db, { email: BOB, role: "ADMIN", groups: [], active: true });
  for (const owner of [ADA, BOB, GUEST]) await basket(owner, "raised");
  await world.processes.patch("raised", { spec: { role: "EXPLOIT" } });
  await isLeft(ADA);
  expect([await attached(BOB), await attached(GUEST)]).toEqual([["Radar"], ["Radar"]]);
  await upsertUser(world.db, { email: BOB, role: "REGISTERED_USER", groups: [], active: true });
  await isLeft(BOB);
});

test("a process that went while nobody watched leaves the baskets all the same", async () => {
  await basket(ADA, "never-there");
  await isLeft(ADA);
});
