import { afterAll, beforeAll, expect, test } from "bun:test";
import { type TestStore, testStore } from "#test/support/store.ts";
import { attachedProcesses, attachedProcessNames, detachProcess, findBasket, writeBasket } from "../baskets.ts";
import { upsertUser } from "../users.ts";

const ADA = "ada@example.org";
const BOB = "bob@example.org";
const totals = { objects: 1, files: 1, bytes: 1, byType: {} };
const dataset = (label: string, name?: string) => ({
  urn: `URN:${label}`,
  label,
  totals,
  ...(name !== undefined && { process: { processBusinessId: name, name, parameters: { a: "1" } } }),
});

let store: TestStore;
beforeAll(async () => {
  store = await testStore("basket_processes");
  await upsertUser(store.db, { email: ADA, role: "EXPLOIT", groups: [], active: true });
  await writeBasket(store.db, ADA, {
    from: undefined,
    put: [dataset("A", "cut"), dataset("B", "other"), dataset("C")],
  });
  await writeBasket(store.db, BOB, { from: undefined, put: [dataset("A", "cut"), dataset("D", "cut")] });
});
afterAll(() => store.drop());

const left = async (owner: string) =>
  (await findBasket(store.db, owner))?.datasets.map(({ label, process }) => [label, process?.name]);

test("testFindByProcessId: attachedProcesses() tells whose baskets hold a process, and as whom they order", async () => {
  expect((await attachedProcessNames(store.db)).toSorted()).toEqual(["cut", "other"]);
  expect(await attachedProcesses(store.db, "nothing")).toEqual([]);
  expect((await attachedProcesses(store.db, "cut")).map(({ basketId: _, ...rest }) => rest)).toEqual([
    { owner: ADA, role: "EXPLOIT", urn: "URN:A", label: "A" },
    { owner: BOB, urn: "URN:A", label: "A" },
    { owner: BOB, urn: "URN:D", label: "D" },
  ]);
});

test("detachProcess() takes it from these datasets only; who changes the basket at the same time starts anew", async () => {
  const before = await findBasket(store.db, BOB);
  const adas = await findBasket(store.db, ADA);
  const all = await attachedProcesses(store.db, "cut");
  const leaving = all.filter(({ owner, label }) => owner === BOB && label === "D");
  await detachProcess(store.db, "cut", leaving);
  expect(await left(BOB)).toEqual([
    ["A", "cut"],
    ["D", undefined],
  ]);
  expect(await left(ADA)).toEqual([
    ["A", "cut"],
    ["B", "other"],
    ["C", undefined],
  ]);
  expect(await writeBasket(store.db, BOB, { from: before, put: [dataset("E")] })).toBeUndefined();
  expect(await writeBasket(store.db, ADA, { from: adas, put: [dataset("C")] })).toBeDefined();
});

test("detachProcess() leaves a process alone that came in its place, and changes nothing when it is repeated", async () => {
  const leaving = await attachedProcesses(store.db, "cut");
  const basket = await findBasket(store.db, ADA);
  await writeBasket(store.db, ADA, { from: basket, put: [dataset("A", "newer")] });
  await detachProcess(store.db, "cut", leaving);
  const after = [await findBasket(store.db, ADA), await findBasket(store.db, BOB)];
  await detachProcess(store.db, "cut", leaving);
  await detachProcess(store.db, "cut", []);
  expect([await findBasket(store.db, ADA), await findBasket(store.db, BOB)]).toEqual(after);
  expect((await left(ADA))?.[0]).toEqual(["A", "newer"]);
  expect((await left(BOB))?.[0]).toEqual(["A", undefined]);
});
