/** The store of accepting orders for hundreds of requests at a time: what they ask meanwhile is one statement, each gets its own answer. */
import type { Db } from "#store/db.ts";
import {
  findOrdersByKeys,
  type Inserted,
  type InsertOrder,
  insertOrders,
  type OrderKey,
  type OrderRow,
} from "#store/orders.ts";
import { type FileQuota, fileQuotas } from "#store/quotas.ts";
import { readSettings, type Settings } from "#store/settings.ts";
import { findUsers, type UserRow } from "#store/users.ts";
import type { AcceptStore } from "../orders/accept-store.ts";
import { batcher } from "./batcher.ts";

const LARGEST_BATCH = 200;

export function batchedStore(db: Db): AcceptStore {
  const users = batcher<string, UserRow | undefined>((emails) => findUsers(db, emails), LARGEST_BATCH);
  const known = batcher<OrderKey, OrderRow | undefined>((keys) => findOrdersByKeys(db, keys), LARGEST_BATCH);
  const inserts = batcher<InsertOrder, Inserted>((orders) => insertOrders(db, orders), LARGEST_BATCH);
  const quotas = batcher<string, FileQuota>((emails) => fileQuotas(db, emails), LARGEST_BATCH);
  const settings = batcher<undefined, Settings>(async (askers) => {
    const read = await readSettings(db);
    return askers.map(() => read);
  }, Number.POSITIVE_INFINITY);
  return {
    findUser: (email) => users.add(email),
    findOrderByKey: (owner, correlationId) => known.add({ owner, correlationId }),
    fileQuota: (email) => quotas.add(email),
    readSettings: () => settings.add(undefined),
    insertOrder: (order) => inserts.add(order),
  };
}
