/**
 * The served program as its clients see it: `start` as a process of its own on a database of the test, a source over HTTP, users of every
 * kind, a small catalogue. Nothing of the program is in the test's process but what makes tokens and catalogue rows.
 */
import { join } from "node:path";
import { issueToken, tokenKey } from "#api/auth/tokens.ts";
import type { OrderStatusWord, Role } from "#crds/files.ts";
import { connect, type Db, tenantSchema } from "#store/db.ts";
import { migrate } from "#store/migrate.ts";
import { writeSetting } from "#store/settings.ts";
import { setPassword, upsertUser } from "#store/users.ts";
import { testDatabase } from "./database.ts";
import { eventually, LIMIT } from "./eventually.ts";
import { temporaryFolder } from "./folder.ts";
import { addProduct } from "./product.ts";
import { type RunningStart, startProgram } from "./program.ts";
import { output } from "./run-command.ts";
import { type SourceFile, type SourceServer, sourceServer } from "./source-server.ts";

const SECRET = "a secret of the served world, long enough for it";
const PREFIX = "/api/v1/rs-order";
const SCHEMA = tenantSchema("default");
const PRIVATE = "allowed_private_networks";
const HOUR_MS = 3_600_000;

/** Everybody's password. */
export const PASSWORD = "correct horse battery staple";
export const USERS = {
  ada: "REGISTERED_USER",
  bob: "REGISTERED_USER",
  exploiter: "EXPLOIT",
  admin: "ADMIN",
  chief: "PROJECT_ADMIN",
  root: "INSTANCE_ADMIN",
} as const satisfies Record<string, Role>;
export type UserName = keyof typeof USERS;

export type Calling = {
  /** Ada unless told; `null` sends no token. */
  readonly as?: UserName | null;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

export type ServedWorld = Awaited<ReturnType<typeof servedWorld>>;

export const emailOf = (name: UserName) => `${name}@example.org`;

/** What product `name` holds. */
export const contentOf = (name: string) => Buffer.from(`what the archive holds of ${name}\n`);

/**
 * Products: A1 to A3 of dataset `images` come at once, S1 of `slow` is never ready, B1 of `broken` is not at its source,
 * R1 of `references` is one whose address alone is known.
 */
export async function servedWorld(label: string, env: Readonly<Record<string, string>> = {}) {
  const database = await testDatabase(label);
  const folder = temporaryFolder(label);
  const source = await sourceServer(sourceFiles());
  await migrate(database.url, { schema: SCHEMA });
  const db = connect(database.url, { schema: SCHEMA, max: 4 });
  await prepare(db, source);
  let program = await start();

  function start(): Promise<RunningStart> {
    return startProgram(folder.path, { env: { ORDER_DATABASE_URL: database.url, ORDER_JWT_SECRET: SECRET, ...env } });
  }

  const token = (name: UserName) =>
    issueToken(tokenKey("default", SECRET), {
      email: emailOf(name),
      role: USERS[name],
      expires: new Date(Date.now() + HOUR_MS),
    });

  /** `METHOD /path` below the prefix; a path that begins with two slashes is from the root. */
  const call = async (route: string, o: Calling = {}): Promise<Response> => {
    const [method = "GET", path = ""] = route.split(" ");
    const headers = new Headers(o.headers);
    const as = o.as === undefined ? "ada" : o.as;
    if (as !== null) headers.set("authorization", `Bearer ${await token(as)}`);
    const form = o.body instanceof FormData;
    if (o.body !== undefined && !form && !headers.has("content-type")) headers.set("content-type", "application/json");
    const body = form || typeof o.body === "string" ? (o.body as FormData | string) : JSON.stringify(o.body);
    const at = path.startsWith("//") ? path.slice(1) : PREFIX + path;
    return fetch(program.url + at, {
      method,
      headers,
      redirect: "manual",
      ...(o.body !== undefined && { body }),
    });
  };

  /** Applies an order of the named products; its id. */
  const apply = async (products: readonly string[], o: Calling = {}): Promise<number> => {
    const queries = [products.map((name) => `providerId:"${name}"`).join(" OR ")];
    const response = await call("POST /user/orders/apply", {
      ...o,
      body: { queries, filters: { dataTypes: ["RAWDATA"] }, ...(o.body as object | undefined) },
    });
    const answer = (await response.json()) as { orderId?: number };
    if (answer.orderId === undefined) throw new Error(`Cannot apply: ${response.status} ${JSON.stringify(answer)}`);
    return answer.orderId;
  };

  const orderAt = async (id: number, ...statuses: readonly OrderStatusWord[]): Promise<ShownOrder> =>
    eventually(
      `order ${id} is ${statuses.join(" or ")}`,
      async () => {
        const response = await call(`GET /user/orders/${id}`, { as: "chief" });
        const { content } = (await response.json()) as { content: ShownOrder };
        return statuses.includes(content.status) ? content : undefined;
      },
      LIMIT.slow,
    );

  return {
    db,
    source,
    call,
    token,
    apply,
    orderAt,
    /** An administrator's `kubectl apply`. */
    administer: (object: object) =>
      output(["kubectl", "--kubeconfig", join(folder.path, "kubeconfig"), "apply", "-f", "-"], {
        input: JSON.stringify(object),
      }),
    url: () => program.url,
    pid: () => program.pid,
    base: () => program.url + PREFIX,
    /** An order of the products that has ended. */
    ended: async (products: readonly string[], o: Calling = {}): Promise<number> => {
      const id = await apply(products, o);
      await orderAt(id, "DONE", "DONE_WITH_WARNING", "FAILED");
      return id;
    },
    /** An order that waits for a source. */
    running: async (o: Calling = {}): Promise<number> => {
      const id = await apply(["S1"], o);
      await orderAt(id, "RUNNING");
      return id;
    },
    ...changes(db, source, call),
    /** Kills the program and starts it again. */
    killedAndStarted: async () => {
      await program.end("SIGKILL");
      program = await start();
    },
    close: async () => {
      await program.end("SIGTERM");
      source.stop();
      await db.end({ timeout: 1 });
      await database.drop();
      folder.remove();
    },
  };
}

type Call = (route: string, o?: Calling) => Promise<Response>;

/** What tests change of the world, and look up in it. */
function changes(db: Db, source: SourceServer, call: Call) {
  return {
    /** Changes settings, as an administrator does. */
    set: async (settings: Record<string, unknown>): Promise<void> => {
      for (const [name, value] of Object.entries(settings)) {
        const { status } = await call(`PUT /settings/${name}`, { as: "admin", body: { value } });
        if (status !== 200) throw new Error(`Cannot set '${name}': ${status}`);
      }
    },
    reset: async (...names: readonly string[]): Promise<void> => {
      for (const name of names) await call(`DELETE /settings/${name}`, { as: "admin" });
    },
    /** Every setting as it was when the world began. */
    asAtFirst: async (): Promise<void> => {
      await db`DELETE FROM settings WHERE name <> ${PRIVATE}`;
    },
    /** One product more, in a dataset of its own, with its file at the source. */
    product: async (name: string, bytes: Uint8Array = contentOf(name)): Promise<void> => {
      source.files.set(`/${name}.tif`, { bytes });
      await addProduct(db, { name, dataset: name, uri: `${source.url}/${name}.tif`, bytes: bytes.length }, new Date());
    },
    /** The order's file of a product. */
    fileOf: async (order: number, product: string): Promise<{ id: number; state: string }> => {
      const [row] = await db<{ id: number; state: string }[]>`
        SELECT id, state FROM order_files WHERE order_id = ${order} AND filename = ${`${product}.tif`}`;
      if (row === undefined) throw new Error(`Cannot find the file of '${product}' in order ${order}`);
      return row;
    },
    metalink: async (order: number, as: UserName = "ada"): Promise<string> =>
      (await call(`GET /user/orders/${order}/metalink/download`, { as })).text(),
  };
}

/** The first link of a metalink, as a path from the root. */
export function linkOf(document: string): string {
  const link = /<url[^>]*>([^<]+)</.exec(document)?.[1]?.replaceAll("&amp;", "&") ?? "";
  return `/${link.slice(new URL(link).origin.length)}`;
}

export type ShownOrder = {
  readonly id: number;
  readonly owner: string;
  readonly label: string;
  readonly status: OrderStatusWord;
  readonly message?: string;
  readonly creationDate: string;
  readonly expirationDate?: string;
  readonly percentCompleted: number;
  readonly filesInErrorCount: number;
  readonly availableFilesCount: number;
  readonly correlationId: string;
  readonly datasetTasks: readonly { readonly id: number; readonly datasetLabel: string; readonly filesCount: number }[];
  readonly subOrders: { readonly total: number; readonly succeeded: number; readonly failed: number };
};

const GOOD = ["A1", "A2", "A3"] as const;
/** More often than any test asks. */
const NEVER_READY = 10_000;

function sourceFiles(): Record<string, SourceFile> {
  const notReady = Array.from({ length: NEVER_READY }, () => ({ status: 202, headers: { "retry-after": "3600" } }));
  return {
    ...Object.fromEntries([...GOOD, "R1"].map((name) => [`/${name}.tif`, { bytes: contentOf(name) }])),
    "/S1.tif": { bytes: contentOf("S1"), first: notReady },
  };
}

async function prepare(db: Db, source: SourceServer): Promise<void> {
  for (const [name, role] of Object.entries(USERS)) {
    await upsertUser(db, { email: `${name}@example.org`, role, groups: [], active: true });
  }
  await setPassword(db, emailOf("ada"), PASSWORD);
  await writeSetting(db, PRIVATE, [`127.0.0.1:${source.port}`]);
  const datasets = { images: GOOD, slow: ["S1"], broken: ["B1"], references: ["R1"] };
  for (const [dataset, names] of Object.entries(datasets)) {
    for (const name of names) {
      const uri = `${source.url}/${name}.tif`;
      await addProduct(db, { name, dataset, uri, bytes: contentOf(name).length }, new Date());
    }
  }
  await db`UPDATE product_files SET reference = true WHERE filename = 'R1.tif'`;
}
