/** A tenant's schema in a fresh database, and builders of what is stored in it. */
import type { OrderSpec } from "#crds/order.ts";
import { connect, type Db } from "#store/db.ts";
import type { NewFile, NewSubOrder } from "#store/files.ts";
import { migrate } from "#store/migrate.ts";
import { type InsertOrder, insertOrder, type OrderRow } from "#store/orders.ts";
import { testDatabase } from "./database.ts";

export const NOW = new Date("2026-03-01T10:00:00Z");

export type TestStore = { readonly db: Db; readonly url: string; readonly schema: string; drop(): Promise<void> };

/** A migrated schema; `drop` ends the pool and removes the database. */
export async function testStore(label: string): Promise<TestStore> {
  const { url, drop } = await testDatabase(label);
  const schema = "tenant_test";
  const db = connect(url, { schema });
  await migrate(db, { schema });
  return {
    db,
    url,
    schema,
    drop: async () => {
      await db.end({ timeout: 1 });
      await drop();
    },
  };
}

export function orderSpec(changes: Partial<OrderSpec> = {}): OrderSpec {
  return { owner: "ada@example.org", selections: [{ dataset: "d" }], suspend: false, retry: 0, ...changes };
}

export function newOrder(changes: Partial<InsertOrder> = {}): InsertOrder {
  const spec = changes.spec ?? orderSpec();
  return { owner: spec.owner, spec, role: "REGISTERED_USER", groups: [], channel: "rest", now: NOW, ...changes };
}

/** An order that is new for sure. */
export async function storedOrder(db: Db, changes: Partial<InsertOrder> = {}): Promise<OrderRow> {
  const inserted = await insertOrder(db, newOrder(changes));
  if (inserted.kind !== "created") throw new Error(`Cannot store an order: ${inserted.kind}`);
  return inserted.row;
}

export function newFile(n: number, changes: Partial<NewFile> = {}): NewFile {
  return {
    productUrn: `URN:product:${n}`,
    providerId: `product-${n}`,
    productVersion: 1,
    fileType: "RAWDATA",
    reference: false,
    uri: `https://archive.example.org/files/${n}`,
    filename: `file-${n}.tif`,
    mimeType: "image/tiff",
    size: 1000,
    ...changes,
  };
}

/** A sub-order of `files` files, each of its own product. */
export function newSubOrder(number: number, files: number, changes: Partial<NewSubOrder> = {}): NewSubOrder {
  const reference = changes.reference ?? false;
  return {
    number,
    dataset: { urn: "URN:dataset:d", label: "d" },
    reference,
    files: Array.from({ length: files }, (_, i) => newFile(number * 1_000_000 + i, { reference })),
    ...changes,
  };
}
