/**
 * Baskets: what a user has put together and not ordered yet, one per user.
 * The door to store/baskets/: other folders import from here, so the split inside may change.
 */
import { orderBasket } from "./baskets/order.ts";
import { type AttachedProcess, attachedProcesses, attachedProcessNames, detachProcess } from "./baskets/processes.ts";
import { findBasket } from "./baskets/read.ts";
import type { Basket, BasketDataset, BasketFileFilter, BasketItem, BasketTotals } from "./baskets/rows.ts";
import { type DatasetChange, deleteBasket, writeBasket } from "./baskets/write.ts";

export type { AttachedProcess, Basket, BasketDataset, BasketFileFilter, BasketItem, BasketTotals, DatasetChange };
export { attachedProcesses, attachedProcessNames, deleteBasket, detachProcess, findBasket, orderBasket, writeBasket };
