/**
 * A basket becomes an order: the order's row appears and the basket goes in one transaction, under the lock of the basket's row. So of
 * two clicks only one orders, and whoever dies in the middle leaves either the basket or the order.
 */
import type { Db } from "../db.ts";
import { type Inserted, type InsertOrder, insertOrder } from "../orders/insert.ts";
import { findBasket } from "./read.ts";
import type { Basket } from "./rows.ts";
import { deleteBasket } from "./write.ts";

/** `toOrder` says what the basket orders. Unless that made a new order the basket is as it was. */
export async function orderBasket(
  db: Db,
  owner: string,
  toOrder: (basket: Basket) => InsertOrder,
): Promise<Inserted | { readonly kind: "noBasket" }> {
  return db.begin(async (sql) => {
    // In a statement before: what a lock has waited for is seen by the next statement only.
    await sql`SELECT FROM baskets WHERE owner = ${owner} FOR UPDATE`;
    const basket = await findBasket(sql, owner);
    if (!basket) return { kind: "noBasket" };
    const inserted = await insertOrder(sql, toOrder(basket));
    if (inserted.kind === "created") await deleteBasket(sql, owner);
    return inserted;
  });
}
