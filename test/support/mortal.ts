/**
 * A process that dies after its n-th write, in this process: from then on nothing that it does reaches database or cluster, and the write itself
 * was carried out but never answered. What was on the wire at that moment still arrives, as it would.
 */
import type { Transport } from "#kube/transport.ts";
import type { Db } from "#store/db.ts";

export class Killed extends Error {
  override readonly name = "Killed";
}

export type Mortal = {
  readonly transport: Transport;
  readonly db: Db;
  /** Writes so far, each with what it was. */
  readonly writes: readonly string[];
  /** Resolves when it has died. */
  readonly dead: Promise<void>;
  isDead(): boolean;
  /** For writes to elsewhere. */
  write<T>(what: string, act: () => Promise<T>): Promise<T>;
};

export function mortal(real: { readonly transport: Transport; readonly db: Db }, diesAfter: number): Mortal {
  const writes: string[] = [];
  const death = Promise.withResolvers<void>();
  const isDead = () => writes.length >= diesAfter;
  async function guarded<T>(what: string | undefined, act: () => Promise<T>): Promise<T> {
    if (isDead()) throw new Killed(`Cannot ${what ?? "read"}: the process is dead`);
    const answer = await act();
    if (what !== undefined && hasWritten(answer)) {
      writes.push(what);
      if (isDead()) death.resolve();
    }
    if (isDead()) throw new Killed(`Cannot hear of ${what ?? "a read"}: the process is dead`);
    return answer;
  }
  const transport: Transport = {
    ...real.transport,
    fetch(path, init) {
      const isEvent = path.includes("/events");
      const what = init.method === "GET" || isEvent ? undefined : `${init.method} ${path}`;
      return guarded(what, () => real.transport.fetch(path, init));
    },
  };
  const write = <T>(what: string, act: () => Promise<T>) =>
    guarded(what, async () => ({ done: await act() })).then(({ done }) => done);
  return { transport, db: mortalDb(real.db, guarded), writes, dead: death.promise, isDead, write };
}

/** A statement that touched no row, or a guarded step that was not carried out, is no point at which to die. */
function hasWritten(answer: unknown): boolean {
  if (Array.isArray(answer) && "count" in answer) return answer.count !== 0;
  return answer !== undefined && answer !== false && answer !== 0;
}

type Guard = <T>(what: string | undefined, act: () => Promise<T>) => Promise<T>;

/** Statements and transactions go through the guard; fragments, helpers and the listening connection do not. */
function mortalDb(db: Db, guarded: Guard): Db {
  const statement = (strings: TemplateStringsArray, values: unknown[]) => {
    const run = () => Reflect.apply(db, undefined, [strings, ...values]) as Promise<unknown>;
    const text = strings.join("?").trim();
    if (!/^(SELECT|WITH|UPDATE|INSERT|DELETE)\b/.test(text)) return run();
    return guarded(nameOf(text), async () => await run());
  };
  const begin = (...args: unknown[]) => {
    const isReading = typeof args[0] === "string" && args[0].includes("read only");
    return guarded(isReading ? undefined : "transaction", () => Reflect.apply(db.begin, db, args) as Promise<unknown>);
  };
  return new Proxy(db, {
    apply: (target, _this, args: unknown[]) =>
      isTemplate(args[0]) ? statement(args[0], args.slice(1)) : Reflect.apply(target, undefined, args),
    get: (target, property) => (property === "begin" ? begin : Reflect.get(target, property)),
  });
}

function isTemplate(value: unknown): value is TemplateStringsArray {
  return Array.isArray(value) && "raw" in value;
}

/** What a statement writes; nothing for one that reads. */
function nameOf(text: string): string | undefined {
  return text.match(/\b(UPDATE|INSERT INTO|DELETE FROM)\s+(?!OF\b|SKIP\b)(\w+)/)?.[0];
}
