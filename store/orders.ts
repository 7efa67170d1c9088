/**
 * Orders: asked for once, found by number, key or resource, followed by their read model.
 * The door to store/orders/: other folders import from here, so the split inside may change.
 */
import { type InsertOrder, insertOrder } from "./orders/insert.ts";
import {
  expiredOrders,
  findOrder,
  findOrderByKey,
  findOrderByResource,
  listOrders,
  ordersWithoutResource,
} from "./orders/read.ts";
import type { OrderRow, ReadModel } from "./orders/rows.ts";
import { bindResource, type OutboxMessage, purgeFiles, recordProgress } from "./orders/write.ts";

export type { InsertOrder, OrderRow, OutboxMessage, ReadModel };
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
