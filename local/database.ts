/**
 * The database of `start`: the one it was told of, or a PostgreSQL of its own in the home. Brought up to date before anything
 * else uses it.
 */
import { connect, type Db, tenantSchema } from "#store/db.ts";
import { migrate } from "#store/migrate.ts";
import type { LocalConfig } from "./config.ts";
import { type Postgres, startPostgres } from "./postgres/server.ts";

export type Database = {
  readonly url: string;
  readonly db: Db;
  /** Set when it is ours: settles when the server has ended. */
  readonly exited?: Promise<unknown>;
  disconnect(): Promise<void>;
  /** Stops the server if it is ours. */
  stop(): Promise<void>;
};

const CONNECTIONS = 20;
const DISCONNECT_S = 2;

export async function openDatabase(config: LocalConfig): Promise<Database> {
  const own = config.databaseUrl === undefined ? await startPostgres({ home: config.home }) : undefined;
  const url = own?.url ?? config.databaseUrl ?? "";
  const schema = tenantSchema(config.tenant);
  try {
    await migrate(url, { schema });
  } catch (error) {
    await own?.stop();
    throw new Error("Cannot use the database", { cause: error });
  }
  return database(url, connect(url, { schema, max: CONNECTIONS, application: "regards-order start" }), own);
}

function database(url: string, db: Db, own: Postgres | undefined): Database {
  return {
    url,
    db,
    ...(own && { exited: own.exited }),
    disconnect: () => db.end({ timeout: DISCONNECT_S }),
    stop: async () => own?.stop(),
  };
}
