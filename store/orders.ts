/**
 * Orders: asked for once, found by number, key or resource, followed by their read model.
 * The door to store/orders/: other folders import from here, so the split inside may change.
 */
import { type Inserted, type InsertOrder, insertOrder } from "./orders/insert.ts";
import {
  expiredOrders,
  findOrder,
  findOrderByKey,
  findOrderByResource,
  listOrders,
  type OrderPage,
  ordersWithoutResource,
} from "./orders/read.ts";
import type { Channel, OrderRow, ReadModel } from "./orders/rows.ts";
import { bindResource, type OutboxMessage, type Progress, purgeFiles, recordProgress } from "./orders/write.ts";

export type { Channel, Inserted, InsertOrder, OrderPage, OrderRow, OutboxMessage, Progress, ReadModel };
export {
  bindResource,
  expiredOrders,
  findOrder,
  findOrderByKey,
  findOrderByResource,
  insertOrder,
  listOrders,
  ordersWithoutResource,
  purgeFiles,
  recordProgress,
};
