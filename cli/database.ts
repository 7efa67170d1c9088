/**
 * The tenant's database for one administrative command: that of ORDER_DATABASE_URL, or that of the home folder, whether `start` runs
 * there or not. Where it does not run, PostgreSQL is started for the command and stopped after it.
 */
import { lockHome } from "#local/home-lock.ts";
import { runningPostgres, startPostgres } from "#local/postgres/server.ts";
import { connect, type Db, tenantSchema } from "#store/db.ts";
import { migrate } from "#store/migrate.ts";
import { Failure } from "./failure.ts";
import { type HomeOptions, homeFolder } from "./home.ts";

/** How long a `start` that has just begun may take until its database answers. */
const STARTING_MS = 30_000;

export async function withDatabase<T>(options: HomeOptions, act: (db: Db) => Promise<T>): Promise<T> {
  const server = await reachServer(options);
  try {
    const schema = tenantSchema(options.tenant);
    await migrate(server.url, { schema });
    const db = connect(server.url, { schema, max: 4, application: "regards-order cli" });
    try {
      return await act(db);
    } finally {
      await db.end();
    }
  } finally {
    await server.leave();
  }
}

async function reachServer(options: HomeOptions): Promise<{ url: string; leave(): Promise<void> }> {
  const given = process.env["ORDER_DATABASE_URL"];
  if (given) return { url: given, leave: async () => {} };
  const home = homeFolder(options);
  const end = performance.now() + STARTING_MS;
  for (;;) {
    const lock = lockHome(home, "a command");
    if ("release" in lock) {
      const server = await startPostgres({ home }).catch((error: unknown) => {
        lock.release();
        throw error;
      });
      const leave = async () => {
        await server.stop();
        lock.release();
      };
      return { url: server.url, leave };
    }
    const url = runningPostgres(home);
    if (url) return { url, leave: async () => {} };
    if (performance.now() > end) {
      throw new Failure(`Cannot reach the database of '${home}': process ${lock.heldBy?.pid} holds the folder`);
    }
    await Bun.sleep(50);
  }
}
