import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { newOrder, orderSpec, testStore } from "#test/support/store.ts";
import { type Basket, type DatasetChange, deleteBasket, findBasket, orderBasket, writeBasket } from "../baskets.ts";

const { db, drop } = await testStore("baskets");
afterAll(() => drop());
const ADA = "ada@example.org";
const NOW = new Date("2026-03-01T10:00:00.123Z");
const totals = { objects: 1, files: 2, bytes: 3, byType: { RAWDATA: { files: 2, bytes: 3 } } };

beforeEach(async () => {
  await db`DELETE FROM baskets`;
});

function dataset(urn: string, changes: Partial<DatasetChange> = {}): DatasetChange {
  return { urn, label: "label", totals, added: [item(NOW)], ...changes };
}

function item(date: Date, query = "*") {
  return { date, request: { engineType: "legacy" }, selection: { query }, totals };
}

async function filled(...put: DatasetChange[]): Promise<Basket> {
  const basket = await writeBasket(db, ADA, { from: undefined, put });
  if (!basket) throw new Error("Cannot fill the basket");
  return basket;
}

describe("writeBasket()", () => {
  test("makes the basket, and reads back what was put in", async () => {
    const filter = { fileTypes: ["RAWDATA"], fileNamePattern: ".*" } as const;
    const basket = await filled(dataset("URN:a", { fileFilter: filter }));
    expect(basket).toEqual((await findBasket(db, ADA)) as Basket);
    expect(basket).toMatchObject({
      owner: ADA,
      datasets: [{ urn: "URN:a", label: "label", totals, fileFilter: filter, items: [item(NOW)] }],
    });
    expect(basket.datasets[0]).not.toHaveProperty("process");
  });

  test("P10: two datasets of one label are two, in the order of their URNs", async () => {
    const basket = await filled(dataset("URN:b"), dataset("URN:a"));
    expect(basket.datasets.map(({ urn, label }) => [urn, label])).toEqual([
      ["URN:a", "label"],
      ["URN:b", "label"],
    ]);
  });

  test("changes a dataset and keeps its id; what is absent is removed", async () => {
    const process = { processBusinessId: "p", name: "p", parameters: {} };
    const before = await filled(dataset("URN:a", { process }));
    const later = new Date(NOW.getTime() + 1);
    const put = [dataset("URN:a", { label: "new", added: [item(later, "x")], removed: [NOW] })];
    const after = await writeBasket(db, ADA, { from: before, put });
    expect(after?.datasets).toMatchObject([{ id: before.datasets[0]?.id, label: "new", items: [item(later, "x")] }]);
    expect(after?.datasets[0]).not.toHaveProperty("process");
  });

  test("writes nothing when the basket has changed since", async () => {
    const before = await filled(dataset("URN:a"));
    const first = await writeBasket(db, ADA, { from: before, put: [dataset("URN:b")] });
    expect(await writeBasket(db, ADA, { from: before, remove: before.datasets.map(({ id }) => id) })).toBeUndefined();
    expect(await writeBasket(db, ADA, { from: undefined, put: [dataset("URN:c")] })).toBeUndefined();
    expect(await findBasket(db, ADA)).toEqual(first);
  });

  test("does not take a basket made anew for the one that was there", async () => {
    const before = await filled(dataset("URN:a"));
    await deleteBasket(db, ADA);
    const anew = await filled(dataset("URN:b"));
    expect(await writeBasket(db, ADA, { from: { ...before, id: anew.id }, put: [dataset("URN:c")] })).toBeUndefined();
  });

  test("of rivals with the same basket before them one writes", async () => {
    const from = await filled(dataset("URN:a"));
    const rivals = Array.from({ length: 8 }, (_, i) => writeBasket(db, ADA, { from, put: [dataset(`URN:r${i}`)] }));
    const written = (await Promise.all(rivals)).filter((basket) => basket !== undefined);
    expect(written).toHaveLength(1);
    expect((await findBasket(db, ADA))?.datasets).toHaveLength(2);
  });
});

describe("orderBasket()", () => {
  const order = () => newOrder({ spec: orderSpec({ owner: ADA }), now: NOW });

  test("makes the order and takes the basket away", async () => {
    await filled(dataset("URN:a"));
    const made = await orderBasket(db, ADA, (basket) => {
      expect(basket.datasets.map(({ urn }) => urn)).toEqual(["URN:a"]);
      return { ...order(), onSuccessUrl: "/user/orders" };
    });
    expect(made).toMatchObject({ kind: "created", row: { owner: ADA, onSuccessUrl: "/user/orders" } });
    expect(await findBasket(db, ADA)).toBeUndefined();
  });

  test("without a basket makes nothing", async () => {
    const before = await countOrders();
    expect(await orderBasket(db, ADA, order)).toEqual({ kind: "noBasket" });
    expect(await countOrders()).toBe(before);
  });

  test("after a label that is taken the basket is as it was", async () => {
    const labelled = { ...order(), spec: orderSpec({ owner: ADA, label: "taken" }) };
    await filled(dataset("URN:a"));
    await orderBasket(db, ADA, () => labelled);
    const basket = await filled(dataset("URN:b"));
    expect(await orderBasket(db, ADA, () => labelled)).toMatchObject({ kind: "conflict", field: "label" });
    expect(await findBasket(db, ADA)).toEqual(basket);
  });

  test("of two clicks one orders", async () => {
    await filled(dataset("URN:a"));
    const clicks = await Promise.all(Array.from({ length: 6 }, () => orderBasket(db, ADA, order)));
    expect(clicks.map(({ kind }) => kind).sort()).toEqual(["created", ...Array(5).fill("noBasket")]);
  });

  test("sees what was put in while it waited for the basket", async () => {
    const from = await filled(dataset("URN:a"));
    const [written, made] = await Promise.all([
      writeBasket(db, ADA, { from, put: [dataset("URN:b")] }),
      orderBasket(db, ADA, (basket) => ({
        ...order(),
        spec: orderSpec({ owner: ADA, selections: selections(basket) }),
      })),
    ]);
    const ordered = made.kind === "created" ? made.row.spec.selections.map((one) => one.dataset) : [];
    // Whoever comes first: nothing is in both, nothing in neither.
    expect(ordered).toEqual(written ? ["URN:a", "URN:b"] : ["URN:a"]);
    expect(await findBasket(db, ADA)).toBeUndefined();
  });

  test("killed before the end leaves the basket and no order", async () => {
    const basket = await filled(dataset("URN:a"));
    const before = await countOrders();
    await db`CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'killed'; END $$`;
    await db`CREATE TRIGGER die BEFORE DELETE ON baskets FOR EACH ROW EXECUTE FUNCTION die()`;
    const death = await orderBasket(db, ADA, order).catch((error: Error) => error.message);
    await db`DROP FUNCTION die CASCADE`;
    expect(death).toBe("killed");
    expect(await countOrders()).toBe(before);
    expect(await findBasket(db, ADA)).toEqual(basket);
  });
});

async function countOrders(): Promise<number> {
  return (await db`SELECT FROM orders`).count;
}

function selections(basket: Basket) {
  return basket.datasets.map(({ urn }) => ({ dataset: urn }));
}
