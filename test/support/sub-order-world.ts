/** A tenant with one order whose first sub-order runs: database, blob folder, settings, and a web server that has the files. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { BlobStore } from "#store/blobs/blob-store.ts";
import { openBlobStore } from "#store/blobs/open.ts";
import { connect, type Db } from "#store/db.ts";
import {
  appendSubOrders,
  availableFiles,
  type FileRow,
  findFile,
  type NewFile,
  type NewSubOrder,
} from "#store/files.ts";
import { migrate } from "#store/migrate.ts";
import { insertOrder } from "#store/orders.ts";
import { startSubOrders } from "#store/scheduling.ts";
import { writeSetting } from "#store/settings.ts";
import { testDatabase } from "./database.ts";
import { type SourceServer, sourceServer } from "./source-server.ts";

export type SubOrderWorld = {
  readonly db: Db;
  readonly databaseUrl: string;
  readonly blobs: BlobStore;
  readonly blobsUrl: string;
  readonly source: SourceServer;
  /**
   * Makes an order with these files in a sub-order that runs; answers its number and the files' ids in order. With a process, they are its
   * inputs, and the one id is that of the row for its outputs.
   */
  order(
    files: readonly Partial<NewFile>[],
    process?: NewSubOrder["process"],
  ): Promise<{ orderId: number; ids: readonly number[] }>;
  file(id: number): Promise<FileRow>;
  /** The stored bytes of a file that is there. */
  bytesOf(id: number): Promise<Buffer>;
  available(orderId: number): Promise<number>;
  close(): Promise<void>;
};

export async function subOrderWorld(label: string): Promise<SubOrderWorld> {
  const database = await testDatabase(label);
  const folder = await mkdtemp(join(tmpdir(), `${label}-`));
  const blobsUrl = pathToFileURL(folder).href;
  const db = connect(database.url, { schema: "tenant_default", max: 4 });
  await migrate(db, { schema: "tenant_default" });
  await writeSetting(db, "allowed_private_networks", ["127.0.0.0/8"]);
  const [blobs, source] = await Promise.all([openBlobStore(blobsUrl, {}), sourceServer()]);
  const file = async (id: number) => {
    const row = await findFile(db, id);
    if (!row) throw new Error(`Cannot find file ${id}`);
    return row;
  };
  return {
    db,
    databaseUrl: database.url,
    blobs,
    blobsUrl,
    source,
    file,
    order: (files, process) => makeOrder(db, source, { files, process }),
    bytesOf: async (id) => {
      const { sha256 = "" } = await file(id);
      return Buffer.from(await new Response(await blobs.open(sha256)).bytes());
    },
    available: async (orderId) => (await availableFiles(db, orderId, { page: 0, size: 1 })).total,
    close: async () => {
      source.stop();
      await db.end({ timeout: 1 });
      await database.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function makeOrder(
  db: Db,
  source: SourceServer,
  { files, process }: { readonly files: readonly Partial<NewFile>[]; readonly process: NewSubOrder["process"] },
) {
  const now = new Date();
  const made = await insertOrder(db, {
    owner: "user@example.org",
    label: `order ${crypto.randomUUID().slice(0, 8)}`,
    spec: { owner: "user@example.org", selections: [{ query: "*:*" }], suspend: false, retry: 0 },
    role: "REGISTERED_USER",
    groups: [],
    channel: "rest",
    now,
  });
  if (made.kind === "conflict") throw new Error(`Cannot make order: ${made.field} is taken`);
  const orderId = made.row.id;
  const rows = files.map((file, index) => ({
    productUrn: `URN:${index}`,
    providerId: `product-${index}`,
    productVersion: 1,
    fileType: "RAWDATA" as const,
    reference: false,
    uri: `${source.url}/file-${index}`,
    filename: `file-${index}.bin`,
    mimeType: "application/octet-stream",
    ...file,
  }));
  const subOrder = { number: 1, dataset: { urn: "URN:D", label: "dataset" }, reference: false, files: rows };
  const subOrders = [{ ...subOrder, ...(process && { process }) }];
  await appendSubOrders(db, orderId, {
    expectCursor: undefined,
    cursor: { after: 1 },
    subOrders,
    products: rows.length,
    done: true,
    now,
  });
  await startSubOrders(db, [{ orderId, number: 1 }], { now });
  const ids = await db<{ id: number }[]>`SELECT id FROM order_files WHERE order_id = ${orderId} ORDER BY id`;
  return { orderId, ids: ids.map((row) => row.id) };
}
