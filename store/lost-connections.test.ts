/** What becomes of transactions whose connection the server or the network takes away: they fail where they are, alone, and the pool goes on. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { type TestDatabase, testDatabase } from "#test/support/database.ts";
import { eventually } from "#test/support/eventually.ts";
import { type TcpProxy, tcpProxy } from "#test/support/tcp-proxy.ts";
import { connect, type Db, type Transaction } from "./db.ts";

let database: TestDatabase;
let killer: Db;
let proxy: TcpProxy;
let db: Db;

beforeAll(async () => {
  database = await testDatabase("lost_connections");
  killer = connect(database.url, { schema: "public", max: 1 });
  await killer`CREATE TABLE things (name text)`;
});
afterAll(async () => {
  await killer.end();
  await database.drop();
});
beforeEach(async () => {
  await killer`DELETE FROM things`;
  const url = new URL(database.url);
  proxy = await tcpProxy({ host: url.hostname, port: Number(url.port || 5432) });
  url.host = `127.0.0.1:${proxy.port}`;
  // One connection, so that whoever comes next gets the one that was lost.
  db = connect(url.href, { schema: "public", max: 1 });
});
afterEach(async () => {
  await db.end({ timeout: 1 });
  await proxy.stop();
});

async function backend(sql: Transaction): Promise<number> {
  const [row] = await sql<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`;
  return row?.pid ?? 0;
}

async function isGone(pid: number): Promise<boolean> {
  return (await killer`SELECT FROM pg_stat_activity WHERE pid = ${pid}`).length === 0;
}

/** Ways in which a transaction loses its connection. */
const LOSSES: Record<string, (sql: Transaction) => Promise<unknown>> = {
  "the server ends it": async (sql) => await killer`SELECT pg_terminate_backend(${await backend(sql)})`,
  "it stood still for too long": async (sql) => {
    const pid = await backend(sql);
    await sql`SET LOCAL idle_in_transaction_session_timeout = 10`;
    await eventually("the server has ended it", () => isGone(pid));
  },
  "the network resets it": async () => proxy.cut(),
};

describe("a transaction whose connection is lost", () => {
  for (const [name, lose] of Object.entries(LOSSES)) {
    test(`between two statements fails, and the next goes on: ${name}`, async () => {
      const work = db.begin(async (sql) => {
        await sql`INSERT INTO things VALUES ('lost')`;
        await lose(sql);
        await sql`INSERT INTO things VALUES ('late')`;
      });
      await expect(work).rejects.toThrow();
      expect(await db.begin((sql) => sql`INSERT INTO things VALUES ('next') RETURNING name`)).toMatchObject([
        { name: "next" },
      ]);
      expect(await killer`SELECT name FROM things`).toMatchObject([{ name: "next" }]);
    });

    test(`asks nothing on the connection of who comes next: ${name}`, async () => {
      const [isLost, isNext] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const lost = db.begin(async (sql) => {
        await sql`INSERT INTO things VALUES ('lost')`;
        await lose(sql);
        isLost.resolve();
        await isNext.promise;
        await sql`INSERT INTO things VALUES ('late')`;
      });
      const failure = lost.catch((error: unknown) => error);
      await isLost.promise;
      await db.begin(async (sql) => {
        await sql`INSERT INTO things VALUES ('next')`;
        isNext.resolve();
        expect(await failure).toBeInstanceOf(Error);
        await sql`INSERT INTO things VALUES ('next too')`;
      });
      expect(await killer`SELECT name FROM things`).toMatchObject([{ name: "next" }, { name: "next too" }]);
    });
  }

  test("in the middle of a statement fails, and its error is not taken for the next one's", async () => {
    const pid = Promise.withResolvers<number>();
    const work = db.begin(async (sql) => {
      pid.resolve(await backend(sql));
      await sql`SELECT pg_sleep(60)`;
    });
    const failure = work.catch((error: unknown) => error);
    await killer`SELECT pg_terminate_backend(${await pid.promise})`;
    expect(await failure).toBeInstanceOf(Error);
    for (const n of [1, 2, 3]) expect(await db`SELECT ${n}::int AS n`).toMatchObject([{ n }]);
  });
});

describe("a connection that is lost while it is made", () => {
  // Greeting, types, descriptions of statements, rows: each is a piece or two.
  for (const pieces of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]) {
    test(`fails nobody but who asked, and the next works: after ${pieces} pieces`, async () => {
      proxy.cutAfter(pieces);
      const asked = () => db`SELECT ${["a"]}::text[] AS a`;
      const answers = [asked(), db.begin((sql) => sql`SELECT ${["a"]}::text[] AS a`), asked()];
      for (const answer of await Promise.allSettled(answers)) {
        if (answer.status === "fulfilled") expect(answer.value).toMatchObject([{ a: ["a"] }]);
        else expect(answer.reason).toHaveProperty("code");
      }
      proxy.cutAfter(0);
      // A reset on its way may still meet the first.
      expect(await eventually("the next is answered", asked)).toMatchObject([{ a: ["a"] }]);
    });
  }
});
