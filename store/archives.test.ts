import { afterAll, describe, expect, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { NOW, storedOrder, testStore } from "#test/support/store.ts";
import { createArchive, endSending, findArchive, noteSending, recordDelivery } from "./archives.ts";
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

describe("noteSending()", () => {
  type Answer = { readonly start: number; readonly end: number; readonly ended?: true; readonly id?: string };

  /** What counts as delivered of a fresh archive after answers under way, of which some were ended. */
  async function delivered(answers: readonly Answer[]) {
    const etag = randomUUID();
    const { id: orderId } = await storedOrder(db);
    await createArchive(db, { etag, orderId, files: [], size: 100, now: NOW });
    for (const { ended, id = randomUUID(), ...range } of answers) {
      await noteSending(db, { id, etag, ...range });
      if (ended) await endSending(db, id);
    }
    return (await recordDelivery(db, etag, { start: 99, end: 100 })).slice(0, -1);
  }
  const same = randomUUID();

  const CASES: Record<string, { answers: readonly Answer[]; want: [number, number][] }> = {
    "one that died, and its client going on": {
      answers: [
        { start: 0, end: 50 },
        { start: 20, end: 70 },
      ],
      want: [[0, 20]],
    },
    "several that died, one after the other": {
      answers: [
        { start: 0, end: 50 },
        { start: 20, end: 70 },
        { start: 30, end: 80 },
      ],
      want: [[0, 30]],
    },
    "one that ended": {
      answers: [
        { start: 0, end: 50, ended: true },
        { start: 20, end: 70 },
      ],
      want: [],
    },
    "one that died, and somebody who looks beyond what it can have sent": {
      answers: [
        { start: 0, end: 50 },
        { start: 60, end: 90 },
      ],
      want: [],
    },
    "one that died, and its client beginning again": {
      answers: [
        { start: 0, end: 50 },
        { start: 0, end: 50, ended: true },
        { start: 20, end: 70 },
      ],
      want: [],
    },
    "parts side by side, all under way": {
      answers: [
        { start: 0, end: 30 },
        { start: 30, end: 60 },
        { start: 60, end: 90 },
      ],
      want: [],
    },
    "one that comes further than was noted first": {
      answers: [
        { start: 0, end: 20, id: same },
        { start: 0, end: 60, id: same },
        { start: 50, end: 70 },
      ],
      want: [[0, 50]],
    },
  };
  for (const [name, { answers, want }] of Object.entries(CASES)) {
    test(name, async () => {
      expect(await delivered(answers)).toEqual(want.map(([start, end]) => ({ start, end })));
    });
  }

  test("goes with the order's files", async () => {
    const { id: orderId } = await storedOrder(db);
    await createArchive(db, { etag: "sent", orderId, files: [], size: 100, now: NOW });
    const id = randomUUID();
    await noteSending(db, { id, etag: "sent", start: 0, end: 50 });
    await purgeFiles(db, orderId);
    expect(await db`SELECT FROM archive_sendings WHERE id = ${id}`).toHaveLength(0);
  });
});
