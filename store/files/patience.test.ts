import { afterAll, beforeAll, expect, test } from "bun:test";
import { testDatabase } from "#test/support/database.ts";
import { connect, type Db } from "../db.ts";
import { appendSubOrders, patienceOf, reportFiles, takeFiles } from "../files.ts";
import { migrate } from "../migrate.ts";
import { insertOrder } from "../orders.ts";

let db: Db;
let drop: () => Promise<void>;
const at = (minutes: number) => new Date(Date.UTC(2026, 0, 1, 0, minutes));

beforeAll(async () => {
  const database = await testDatabase("patience");
  await migrate(database.url, { schema: "patience" });
  db = connect(database.url, { schema: "patience", max: 2 });
  drop = database.drop;
});
afterAll(async () => {
  await db.end();
  await drop();
});

test("patienceOf() counts silence from the last file that came, not from the last 'not ready'", async () => {
  const spec = { owner: "a@b.org", selections: [{ query: "x:1" }], suspend: false, retry: 0 };
  const made = await insertOrder(db, {
    owner: "a@b.org",
    spec,
    role: "REGISTERED_USER",
    groups: [],
    channel: "rest",
    now: at(0),
  });
  if (made.kind === "conflict") throw new Error("Cannot make the order");
  const { id } = made.row;
  const file = (n: number) => ({
    productUrn: `urn:${n}`,
    providerId: `p${n}`,
    productVersion: 1,
    fileType: "RAWDATA" as const,
    reference: false,
    uri: `http://source.example/${n}`,
    filename: `${n}.dat`,
    mimeType: "application/octet-stream",
  });
  const subOrder = { number: 1, dataset: { urn: "urn:d", label: "d" }, reference: false, files: [file(1), file(2)] };
  const step = { expectCursor: undefined, cursor: { after: 2 }, subOrders: [subOrder], products: 2, done: true };
  await appendSubOrders(db, id, { ...step, now: at(0) });
  const [first, second] = await takeFiles(db, id, 1, { limit: 2 });
  if (!first || !second) throw new Error("Cannot take the files");
  expect(await patienceOf(db, id, 1)).toEqual({});

  const notReady = (file: { id: number }, minutes: number) => ({
    id: file.id,
    kind: "notReady" as const,
    retryAfter: at(minutes),
  });
  await reportFiles(db, id, 1, [notReady(first, 30), notReady(second, 40)], { now: at(1) });
  await reportFiles(db, id, 1, [notReady(first, 60), notReady(second, 50)], { now: at(30) });
  expect(await patienceOf(db, id, 1)).toEqual({ readyAt: at(50), silentSince: at(1) });

  const sha256 = "ab".repeat(32);
  await db`INSERT INTO blobs (sha256, size, last_used) VALUES (decode(${sha256}, 'hex'), 1, ${at(45)})`;
  await reportFiles(db, id, 1, [{ id: second.id, kind: "available", sha256, size: 1, crc32: 1 }], { now: at(45) });
  expect(await patienceOf(db, id, 1)).toEqual({ readyAt: at(60), silentSince: at(45) });
});
