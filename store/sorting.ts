/** Lists in an order that a client chose: by fields of a closed set, each of which stands for an expression of ours, never for text of the client's. */
import type { Db, Transaction } from "./db.ts";

export type Sort<K extends string> = { readonly key: K; readonly descending: boolean };

/** The list of an ORDER BY, ending with `last`, which makes it total. */
export function orderBy<K extends string>(
  db: Db | Transaction,
  sorts: readonly Sort<K>[],
  o: { readonly expressions: Readonly<Record<K, string>>; readonly last: string },
) {
  const terms = sorts.map(({ key, descending }) => `${o.expressions[key]} ${descending ? "DESC" : "ASC"}`);
  return db.unsafe([...terms, o.last].join(", "));
}
