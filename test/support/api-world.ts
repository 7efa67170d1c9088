/**
 * The API of one tenant over the real things: PostgreSQL, a blob folder, the catalogue in the database, the local Kubernetes.
 * Only the operator and the workers are missing; what they would have done is put into the store by the test.
 */
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { crc32 } from "node:zlib";
import pino from "pino";
import { type ApiConfig, type ApiDeps, createApi } from "#api/app.ts";
import { issueToken, tokenKey } from "#api/auth/tokens.ts";
import { postgresCatalogue } from "#catalog/catalogue.ts";
import type { OrderStatusWord, Role } from "#crds/files.ts";
import type { Order } from "#crds/order.ts";
import type { Process, ProcessSpec } from "#crds/process.ts";
import { ORDERS, PROCESSES } from "#crds/resource-types.ts";
import { type ResourceApi, resourceApi } from "#kube/resource.ts";
import { handlerTransport } from "#kube/transport.ts";
import { localKubernetes } from "#local/kubernetes/server.ts";
import { touchBlobs } from "#store/blob-rows.ts";
import type { BlobStore } from "#store/blobs/blob-store.ts";
import { openBlobStore } from "#store/blobs/open.ts";
import type { Db } from "#store/db.ts";
import { appendSubOrders, type FileResult, type NewFile, reportFiles } from "#store/files.ts";
import { findOrder, type OrderRow, recordProgress } from "#store/orders.ts";
import { startSubOrders } from "#store/scheduling.ts";
import { findUser, setPassword, upsertUser } from "#store/users.ts";
import { testProcess } from "./process.ts";
import { addProduct, type TestProduct } from "./product.ts";
import { newFile, orderSpec, storedOrder, testStore } from "./store.ts";

export const SECRET = "a secret of the tests, long enough for the signature";
export const PREFIX = "/api/v1/rs-order";
export const PUBLIC_URL = "https://archive.example.org";
export const ADA = "ada@example.org";
export const BOB = "bob@example.org";
export const ADMIN = "admin@example.org";
export const PASSWORD = "correct horse battery staple";

/** A file of an order: with content it is there, as a reference only its address is known, else it is pending or failed. */
export type TestFile = {
  readonly name: string;
  readonly content?: string | Uint8Array;
  readonly reference?: string;
  readonly error?: string;
  readonly subOrder?: number;
  /** What the catalogue says of it. */
  readonly catalogued?: Partial<Pick<NewFile, "providerId" | "productUrn" | "size" | "checksum" | "algorithm">>;
};

export type CallOptions = {
  readonly as?: string | null;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

export type ApiWorld = Awaited<ReturnType<typeof apiWorld>>;

export async function apiWorld(label: string) {
  const store = await testStore(label);
  const { db } = store;
  const folder = await mkdtemp(join(tmpdir(), `${label}-`));
  const blobs = await openBlobStore(pathToFileURL(folder).href, {});
  const clock = { now: new Date("2026-11-20T10:20:30Z") };
  const now = () => clock.now;
  const logged: string[] = [];
  const logger = pino({ level: "debug" }, { write: (line: string) => logged.push(line) });
  const kubernetes = await localKubernetes({ url: store.url, now, logger: pino({ level: "silent" }) });
  const switches = { kubernetesAway: false };
  const transport = handlerTransport(
    (request) => (switches.kubernetesAway ? Promise.reject(new TypeError("fetch failed")) : kubernetes.handle(request)),
    { namespace: "default" },
  );
  const config = { tenant: "default", publicUrl: PUBLIC_URL, prefix: PREFIX, jwtSecret: SECRET };
  const api = (changes: Partial<ApiConfig> = {}, more: Pick<ApiDeps, "stopping"> = {}) =>
    createApi({
      ...more,
      db,
      transport,
      catalogue: postgresCatalogue(db),
      blobs,
      config: { ...config, ...changes },
      now,
      logger,
    });
  const app = api();
  const processes: ResourceApi<Process> = resourceApi<Process>(transport, PROCESSES);
  await addUsers(db);

  const token = (email: string, role: Role = "REGISTERED_USER", expires = new Date(clock.now.getTime() + 3600_000)) =>
    issueToken(tokenKey("default", SECRET), { email, role, expires });

  /** A request for a route below the prefix, or for a path from the root; `as: null` sends no token. */
  const request = async (route: string, o: CallOptions = {}): Promise<Request> => {
    const [method = "GET", path = ""] = route.split(" ");
    const headers = new Headers(o.headers);
    const role = (o.as && (await findUser(db, o.as))?.role) || "REGISTERED_USER";
    if (o.as !== null) headers.set("authorization", `Bearer ${await token(o.as ?? ADA, role)}`);
    if (o.body !== undefined) headers.set("content-type", headers.get("content-type") ?? "application/json");
    const at = path.startsWith("//") ? path.slice(1) : PREFIX + path;
    const body = typeof o.body === "string" ? o.body : JSON.stringify(o.body);
    return new Request(`http://localhost${at}`, { method, headers, ...(o.body !== undefined && { body }) });
  };

  return {
    ...store,
    blobs,
    /** Where the blobs lie. */
    folder,
    clock,
    logged,
    switches,
    app,
    /** Another server on the same database, with nothing in its memory; configured as told. */
    restarted: api,
    token,
    request,
    call: async (route: string, o: CallOptions = {}) => app.handle(await request(route, o)),
    transport,
    orders: resourceApi<Order>(transport, ORDERS) as ResourceApi<Order>,
    processes,
    /** An administrator approves a process. */
    process: (name: string, spec: Partial<ProcessSpec> = {}) => processes.create(testProcess(name, spec)),
    order: (files: readonly TestFile[], o: { owner?: string; status?: OrderStatusWord } = {}) =>
      makeOrder({ db, blobs, now }, files, { owner: o.owner ?? ADA, status: o.status ?? "RUNNING" }),
    states: async (orderId: number) =>
      (await db<{ state: string }[]>`SELECT state FROM order_files WHERE order_id = ${orderId} ORDER BY id`).map(
        (row) => row.state,
      ),
    row: async (id: number) => {
      const row = await findOrder(db, id);
      if (!row) throw new Error(`Cannot find order ${id}`);
      return row;
    },
    setStatus: (id: number, status: OrderStatusWord) => setStatus(db, id, { status, now: clock.now }),
    product: (o: TestProduct) => addProduct(db, o, clock.now),
    close: async () => {
      await kubernetes.stop();
      await store.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function addUsers(db: Db): Promise<void> {
  for (const [email, role] of [
    [ADA, "REGISTERED_USER"],
    [BOB, "REGISTERED_USER"],
    [ADMIN, "ADMIN"],
  ] as const) {
    await upsertUser(db, { email, role, groups: [], active: true });
  }
}

/** Gives a user the password of the tests; hashing takes a while, so only who logs in has one. */
export async function withPassword(db: Db, email: string): Promise<void> {
  await setPassword(db, email, PASSWORD);
}

export async function storeBlob(blobs: BlobStore, content: Uint8Array): Promise<string> {
  const sha256 = createHash("sha256").update(content).digest("hex");
  const staging = await blobs.stage(crypto.randomUUID());
  await staging.write(content);
  await staging.commit(sha256);
  return sha256;
}

type Stores = { readonly db: Db; readonly blobs: BlobStore; readonly now: () => Date };

/** An order whose files are there, failed or pending, as they are described. */
export async function makeOrder(
  { db, blobs, now }: Stores,
  files: readonly TestFile[],
  o: { owner: string; status: OrderStatusWord },
) {
  const row = await storedOrder(db, { spec: orderSpec({ owner: o.owner }), now: now() });
  const byNumber = Map.groupBy(files, (file) => file.subOrder ?? 1);
  const subOrders = [...byNumber].map(([number, group]) => ({
    number,
    dataset: { urn: "URN:D", label: "Dataset" },
    reference: group.every((file) => file.reference !== undefined),
    files: group.map(cataloguedFile),
  }));
  const step = { expectCursor: undefined, cursor: { after: 1 }, products: files.length, done: true, now: now() };
  await appendSubOrders(db, row.id, { ...step, subOrders });
  const stored = await db<{ id: number; subOrder: number }[]>`
    SELECT id, sub_order FROM order_files WHERE order_id = ${row.id} ORDER BY sub_order, id`;
  for (const [number, group] of byNumber) {
    await startSubOrders(db, [{ orderId: row.id, number }], { now: now() });
    const ids = stored.filter((file) => file.subOrder === number).map((file) => file.id);
    const results = await Promise.all(group.map((file, i) => resultOf({ db, blobs, now }, file, ids[i] ?? 0)));
    await reportFiles(db, row.id, number, results.flat(), { now: now() });
  }
  await setStatus(db, row.id, { status: o.status, now: now() });
  return { id: row.id, files: stored.map((file) => file.id) };
}

/** Of a reference the catalogue tells no size, unless the test does. */
function cataloguedFile(file: TestFile, i: number): NewFile {
  const { size, ...known } = newFile(i, {
    filename: file.name,
    uri: file.reference ?? `https://source.example.org/${i}`,
    reference: file.reference !== undefined,
    mimeType: "text/plain",
  });
  return { ...known, ...(file.reference === undefined && { size }), ...file.catalogued };
}

async function resultOf({ db, blobs, now }: Stores, file: TestFile, id: number): Promise<FileResult[]> {
  if (file.error !== undefined) return [{ id, kind: "failed", error: file.error }];
  if (file.content === undefined) return [];
  const bytes = Buffer.from(file.content as Uint8Array);
  const sha256 = await storeBlob(blobs, bytes);
  await touchBlobs(db, [{ sha256, size: bytes.length }], { now: now() });
  return [{ id, kind: "available", sha256, size: bytes.length, crc32: crc32(bytes) }];
}

async function setStatus(db: Db, id: number, o: { status: OrderStatusWord; now: Date }): Promise<void> {
  const row = (await findOrder(db, id)) as OrderRow;
  const [counted] = await db<{ available: number; failed: number; total: number }[]>`
    SELECT count(*) FILTER (WHERE state = 'AVAILABLE') AS available, count(*) FILTER (WHERE state = 'ERROR') AS failed,
      count(*) AS total FROM order_files WHERE order_id = ${id}`;
  const files = { ...row.files, ...counted };
  await recordProgress(db, id, { model: { ...row, files, status: o.status }, messages: [], now: o.now });
}
