/** What accepting an order reads and writes. A port, because AMQP gathers what many requests ask at the same time into few statements. */
import type { Db } from "#store/db.ts";
import { findOrderByKey, type Inserted, type InsertOrder, insertOrder, type OrderRow } from "#store/orders.ts";
import { type FileQuota, fileQuota } from "#store/quotas.ts";
import { readSettings, type Settings } from "#store/settings.ts";
import { findUser, type UserRow } from "#store/users.ts";

export type AcceptStore = {
  findUser(email: string): Promise<UserRow | undefined>;
  findOrderByKey(owner: string, correlationId: string): Promise<OrderRow | undefined>;
  fileQuota(email: string): Promise<FileQuota>;
  readSettings(): Promise<Settings>;
  insertOrder(order: InsertOrder): Promise<Inserted>;
};

/** Each question a statement. */
export function acceptStore(db: Db): AcceptStore {
  return {
    findUser: (email) => findUser(db, email),
    findOrderByKey: (owner, correlationId) => findOrderByKey(db, owner, correlationId),
    fileQuota: (email) => fileQuota(db, email),
    readSettings: () => readSettings(db),
    insertOrder: (order) => insertOrder(db, order),
  };
}
