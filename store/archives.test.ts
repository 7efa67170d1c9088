import { afterAll, expect, test } from "bun:test";
import { NOW, storedOrder, testStore } from "#test/support/store.ts";
import { createArchive, findArchive } from "./archives.ts";
import { purgeFiles } from "./orders.ts";

const { db, drop } = await testStore("archives");
afterAll(() => drop());

test("createArchive() remembers what the first call said; purgeFiles() forgets it", async () => {
  const { id } = await storedOrder(db);
  const archive = { etag: "e1", orderId: id, files: [3, 1, 2 ** 40], size: 5_000_000_000 };
  await createArchive(db, { ...archive, now: NOW });
  await createArchive(db, { ...archive, files: [9], now: NOW });
  expect(await findArchive(db, "e1")).toEqual({ ...archive, missing: [], single: false, variant: "flat" });
  expect(await findArchive(db, "other")).toBeUndefined();
  await purgeFiles(db, id);
  expect(await findArchive(db, "e1")).toBeUndefined();
});
