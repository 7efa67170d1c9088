/**
 * The connection to one tenant's schema: its tables are found through the search_path, so no query names a schema.
 * Rows come with camelCase columns, bigint as number (ids and bytes stay below 2^53), timestamps as Date, JSON parsed and
 * untouched. NULL is null. Array parameters must be strings or numbers with a cast (`${ids}::bigint[]`): postgres.js guesses the
 * type of an array from its first element and sends booleans and dates wrong. Its patch in patches/ keeps a lost connection from
 * ending the program, and its transaction from going on in somebody else's (lost-connections.test.ts).
 */
import postgres from "postgres";

type Types = { bigint: number };
export type Db = postgres.Sql<Types>;
/** A connection inside `db.begin`. */
export type Transaction = postgres.TransactionSql<Types>;

export type ConnectOptions = {
  readonly schema: string;
  /** Most connections at a time. */
  readonly max?: number;
  /** Shown in pg_stat_activity. */
  readonly application?: string;
  /** A transaction that stands still for longer is rolled back by the server: its process may be frozen, and its locks hold up others. */
  readonly idleTransactionMs?: number;
};

/** Opens a pool; nothing is connected before the first query. End it with `db.end()`. */
export function connect(url: string, options: ConnectOptions): Db {
  return postgres(url, {
    max: options.max ?? 10,
    onnotice: () => {},
    backoff: reconnectSeconds,
    connection: {
      search_path: options.schema,
      application_name: options.application ?? "regards-order",
      // Compiling takes longer than any of our queries runs.
      jit: "off",
      ...(options.idleTransactionMs && { idle_in_transaction_session_timeout: options.idleTransactionMs }),
    },
    types: { bigint: { to: 20, from: [20], parse: Number, serialize: String } },
    transform: { column: { from: postgres.toCamel }, undefined: null },
  });
}

/** How long to wait before the next try to connect: a server that is back is found within two seconds (the library's own: twenty). */
function reconnectSeconds(failures: number): number {
  return Math.min(2, 0.05 * 2 ** failures) * (0.5 + Math.random() / 2);
}

/** The PostgreSQL schema of a tenant. */
export function tenantSchema(tenant: string): string {
  if (!/^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/.test(tenant)) {
    throw new Error(
      `Cannot name a schema: tenant must be 1 to 40 of a-z, 0-9 and inner '-', got '${tenant.slice(0, 64)}'`,
    );
  }
  return `tenant_${tenant.replaceAll("-", "_")}`;
}

/** The row with its NULL columns left out, so that optional properties are absent instead of null. */
export function withoutNulls<T extends object>(row: object): T {
  const present: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(row)) if (value !== null) present[name] = value;
  return present as T;
}

/** A value for a jsonb column, where undefined and null both mean NULL. */
export function jsonb(db: Db | Transaction, value: unknown) {
  return value === undefined || value === null ? null : db.json(value as postgres.JSONValue);
}
