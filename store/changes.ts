/**
 * Wakes whoever follows orders: every write to the store notifies the id of the order it touched, in its own transaction.
 * A notification is a hint, never the truth: while the connection is away they are lost, so after it is back `onGap` says so
 * and the follower looks at everything again. The channel carries the schema's name: tenants may share a database.
 */
import postgres from "postgres";
import type { Db, Transaction } from "./db.ts";

const HEARTBEAT_MS = 15_000;
const SHORTEST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/** The call that tells followers about a change once the transaction commits, to stand in the FROM list of a statement. */
export function changeNotice(db: Db | Transaction, orderId: postgres.PendingQuery<postgres.Row[]>) {
  return db`pg_notify(current_schema() || '.order_changes', (${orderId})::text)`;
}

/** Tells followers about a change, in a transaction of several statements. */
export async function notifyChange(sql: Transaction, orderId: number): Promise<void> {
  await sql`SELECT FROM ${changeNotice(sql, sql`${orderId}`)}`;
}

export type ListenOptions = {
  /** Notifications may have been lost: look at everything again. */
  readonly onGap?: () => void;
  readonly signal: AbortSignal;
};

/** Calls back for each change until the signal aborts; resolves once it listens for the first time, rejects if it cannot. */
export async function listenChanges(
  db: Db,
  onChange: (orderId: number) => void,
  options: ListenOptions,
): Promise<void> {
  const first = await listenOnce(db, onChange);
  void follow(db, { onChange, first, ...options });
}

export type FollowOptions = ListenOptions & { readonly onFailure: (error: unknown) => void };

/** As `listenChanges`, but a database that is away, also at first, is tried again; resolves when the signal has aborted and nothing is left open. */
export function followChanges(db: Db, onChange: (orderId: number) => void, options: FollowOptions): Promise<void> {
  return follow(db, { onChange, first: undefined, ...options });
}

type Connection = { readonly lost: Promise<void>; end(): Promise<void> };
type Following = ListenOptions & {
  readonly onChange: (orderId: number) => void;
  readonly onFailure?: (error: unknown) => void;
  /** Absent: there is none yet, and what came before it is a gap. */
  readonly first: Connection | undefined;
};

async function follow(db: Db, o: Following): Promise<void> {
  const aborted = new Promise<void>((resolve) => {
    if (o.signal.aborted) resolve();
    else o.signal.addEventListener("abort", () => resolve(), { once: true });
  });
  let connection = o.first;
  let pause = SHORTEST_PAUSE_MS;
  while (!o.signal.aborted) {
    if (connection) {
      await Promise.race([connection.lost, aborted]);
      await connection.end();
      connection = undefined;
      continue;
    }
    connection = await listenOnce(db, o.onChange).catch((error: unknown) => {
      o.onFailure?.(error);
      return undefined;
    });
    if (connection) o.onGap?.();
    else await Promise.race([Bun.sleep(pause), aborted]);
    pause = connection ? SHORTEST_PAUSE_MS : Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
  await connection?.end();
}

/** A connection of its own that listens, and the promise of its loss; a heartbeat finds a dead peer that no packet tells of. */
async function listenOnce(db: Db, onChange: (orderId: number) => void): Promise<Connection> {
  const { promise: lost, resolve: lose } = Promise.withResolvers<void>();
  const options = {
    ...db.options,
    max: 1,
    idle_timeout: null,
    max_lifetime: null,
    onclose: () => lose(),
    onnotify: (_channel: string, payload: string) => onChange(Number(payload)),
  };
  const sql = postgres(options as unknown as postgres.Options<Record<string, never>>);
  const end = () => sql.end({ timeout: 1 });
  try {
    const [row] = await sql<{ channel: string }[]>`SELECT quote_ident(current_schema() || '.order_changes') AS channel`;
    await sql.unsafe(`LISTEN ${row?.channel}`);
  } catch (error) {
    await end();
    throw error;
  }
  const heartbeat = setInterval(() => void beat(sql).catch(lose), HEARTBEAT_MS);
  return {
    lost,
    end: async () => {
      clearInterval(heartbeat);
      await end();
    },
  };
}

async function beat(sql: postgres.Sql): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error("Cannot follow changes: no heartbeat")), HEARTBEAT_MS);
  try {
    await Promise.race([sql`SELECT 1`, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
