/**
 * A database for what only the leader may do: once the lease is no longer held by the clock, no statement is sent and no transaction committed.
 * The store's guards make a late write harmless; this makes it rare: a process that was frozen in the middle of a pass ends it right there.
 */
import type { Db, Transaction } from "#store/db.ts";

export function fencedDb(db: Db, held: () => boolean): Db {
  const refuse = () => {
    if (!held()) throw new Error("this process no longer leads");
  };
  const begin = (...args: unknown[]) => {
    refuse();
    const work = args.pop() as (sql: Transaction) => Promise<unknown>;
    const fenced = async (sql: Transaction) => {
      const answer = await work(fencedStatements(sql, refuse));
      refuse();
      return answer;
    };
    return Reflect.apply(db.begin, db, [...args, fenced]);
  };
  return new Proxy(fencedStatements(db, refuse), {
    get: (target, property) => (property === "begin" ? begin : Reflect.get(target, property)),
  });
}

function fencedStatements<T extends Db | Transaction>(sql: T, refuse: () => void): T {
  return new Proxy(sql, {
    apply(target, _this, args) {
      refuse();
      return Reflect.apply(target as (...args: unknown[]) => unknown, undefined, args);
    },
  });
}
