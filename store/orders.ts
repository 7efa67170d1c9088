/**
 * Orders: asked for once, found by number, key or resource, followed by their read model.
 * The door to store/orders/: other folders import from here, so the split inside may change.
 */
import { type OrderNews, orderNews } from "./orders/events.ts";
import { type Inserted, type InsertOrder, insertOrder, insertOrders, previewInsert } from "./orders/insert.ts";
import {
  isNotice,
  isOfDelivery,
  MESSAGE_KINDS,
  type MessageKind,
  notice,
  type OutboxMessage,
} from "./orders/message-kinds.ts";
import {
  type BoundOrder,
  boundOrders,
  leavingOrders,
  placeResources,
  renameResource,
  servedNamespaces,
  serveNamespace,
  unbindResources,
} from "./orders/places.ts";
import {
  expiredOrders,
  findOrder,
  findOrderByKey,
  findOrderByResource,
  findOrdersByKeys,
  type OrderKey,
  ordersWithoutResource,
} from "./orders/read.ts";
import { removeOrder } from "./orders/remove.ts";
import type { OrderRow, ReadModel } from "./orders/rows.ts";
import {
  ORDER_SORT_KEYS,
  type OrderFilter,
  type ReportedOrder,
  reportOrders,
  searchOrders,
  statusesExcept,
} from "./orders/search.ts";
import { bindResource, purgeFiles, recordProgress } from "./orders/write.ts";

export type {
  BoundOrder,
  Inserted,
  InsertOrder,
  MessageKind,
  OrderFilter,
  OrderKey,
  OrderNews,
  OrderRow,
  OutboxMessage,
  ReadModel,
  ReportedOrder,
};
export {
  bindResource,
  boundOrders,
  expiredOrders,
  findOrder,
  findOrderByKey,
  findOrderByResource,
  findOrdersByKeys,
  insertOrder,
  insertOrders,
  isNotice,
  isOfDelivery,
  leavingOrders,
  MESSAGE_KINDS,
  notice,
  ORDER_SORT_KEYS,
  orderNews,
  ordersWithoutResource,
  placeResources,
  previewInsert,
  purgeFiles,
  recordProgress,
  removeOrder,
  renameResource,
  reportOrders,
  searchOrders,
  servedNamespaces,
  serveNamespace,
  statusesExcept,
  unbindResources,
};
