/**
 * What the planner of an order looks at, and what it answers. Data only.
 * Everything here was read by `observe` in one pass; nothing is remembered from an earlier one.
 */
import type { Role } from "#crds/files.ts";
import type { Order, OrderStatus } from "#crds/order.ts";
import type { SubOrder } from "#crds/suborder.ts";
import type { NewSubOrder, SubOrderRow } from "#store/files.ts";
import type { OrderRow, OutboxMessage, ReadModel } from "#store/orders.ts";
import type { Cursor, Cut, StopReason } from "./buckets.ts";

/** A point in time; the planner takes it as an argument and never makes one out of the clock. */
export type Instant = Date;

/** Which of a tenant's settings the planner obeys. */
export type OrderSettings = {
  readonly appSubOrderHours: number;
  readonly maxExpirationHours: number;
  /** How long before its expiration an order is told of it; 0: never. */
  readonly expirationNoticeHours: number;
  readonly maxSourceSilenceSeconds: number;
  readonly finishedWithWarningStatus: "FAILED" | "DONE_WITH_WARNING";
};

/** Why a well-formed request cannot become an order: reason of the condition `Accepted`, and a sentence. */
export type Refusal = { readonly reason: string; readonly message: string };

/** What was found out about an `Order` that has no row yet (made with kubectl). */
export type Admission =
  | { readonly kind: "refused"; readonly refusal: Refusal }
  | { readonly kind: "welcome"; readonly role: Role; readonly groups: readonly string[] };

/** Counters of an order's files and sub-orders, summed by the store. */
export type Work = {
  readonly files: ReadModel["files"];
  /** Of those available, the ones whose last download failed. */
  readonly downloadErrors: number;
  readonly bytes: ReadModel["bytes"];
  readonly subOrders: ReadModel["subOrders"];
  readonly waitingForUser: boolean;
  /** The sub-orders that the scheduler started and nobody ended. */
  readonly active: readonly SubOrderRow[];
  /** Ended sub-orders of whose present attempt nobody was told yet; a part of them where there are many. */
  readonly untold: readonly SubOrderRow[];
  readonly moreUntold: boolean;
  /** Earliest time at which a waiting sub-order may go on, when all that wait were told to be patient. */
  readonly nextNotBefore?: Instant;
  readonly lastReportAt?: Instant;
};

/** Why the scheduler did not start more of this order. */
export type HeldBack = "user" | "space" | "slot";

/** A part of the catalogue's answer, cut into sub-orders; or why there is none. */
export type Found =
  | { readonly kind: "part"; readonly cut: Cut }
  | { readonly kind: "failed"; readonly reason: StopReason; readonly message: string };

export type OrderObserved = {
  readonly order: Order;
  /** Absent: nobody made a row yet, or the one with this key belongs to another resource (see `admission`). */
  readonly row?: OrderRow;
  readonly admission?: Admission;
  /** Present as soon as there is a row, unless the order goes with its namespace: then nothing is to be done about it. */
  readonly work?: Work;
  /** The next part of the search; read only while the order is being resolved. */
  readonly found?: Found;
  /** From the cache: everything labelled with this order, foreign or not. */
  readonly subOrders: readonly SubOrder[];
  /** UIDs of the order's SubOrders by a live look; read only where work must have stopped before the next step. */
  readonly live?: readonly string[];
  /** By sub-order number, for the active ones: since when no file arrived. */
  readonly silentSince: ReadonlyMap<number, Instant>;
  readonly heldBack?: HeldBack;
  readonly settings: OrderSettings;
  /** Link to the order's archive. */
  readonly downloadLink: string;
};

/** One write. Those on the cluster carry the UID they were decided for. */
export type OrderAction =
  | { readonly kind: "deleteOrder"; readonly uid: string }
  | { readonly kind: "insertRow"; readonly role: Role; readonly groups: readonly string[] }
  | { readonly kind: "bindRow"; readonly id: number; readonly uid: string }
  | {
      readonly kind: "appendSubOrders";
      readonly id: number;
      readonly expectCursor: unknown;
      readonly cursor: Cursor;
      readonly subOrders: readonly NewSubOrder[];
      readonly products: number;
      readonly done: boolean;
    }
  | {
      readonly kind: "endSubOrder";
      readonly id: number;
      readonly number: number;
      readonly attempt: number;
      readonly state: "Succeeded" | "Failed";
      readonly failPending?: string;
    }
  | {
      readonly kind: "againSubOrder";
      readonly id: number;
      readonly number: number;
      readonly attempt: number;
      readonly notBefore?: Instant;
      readonly reason?: string;
    }
  | { readonly kind: "cancelPending"; readonly id: number; readonly reason: string }
  | { readonly kind: "retryFailed"; readonly id: number; readonly retry: number }
  | { readonly kind: "purgeFiles"; readonly id: number }
  | { readonly kind: "createSubOrder"; readonly subOrder: SubOrder }
  | {
      readonly kind: "raiseAttempt";
      readonly name: string;
      readonly uid: string;
      readonly resourceVersion: string;
      readonly attempt: number;
    }
  | { readonly kind: "deleteSubOrder"; readonly name: string; readonly uid: string };

export type OrderEvent = {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly action: string;
  readonly note: string;
};

export type OrderPlan = {
  /**
   * Changes that alter what was observed: carried out first, then the order is observed again before anything is told.
   * While there are any, `model` and `status` are not written.
   */
  readonly first: readonly OrderAction[];
  /** Read model and messages of the row, written in one transaction. Absent: there is no row. */
  readonly model?: ReadModel;
  readonly messages: readonly OutboxMessage[];
  /** Ended sub-orders of which these messages tell, or which need no word. */
  readonly told: readonly { readonly number: number; readonly attempt: number }[];
  /** Writes on the cluster, after the row tells how the order stands. */
  readonly actions: readonly OrderAction[];
  /** Written last, when it differs. */
  readonly status: OrderStatus;
  /** How long the status may wait to be told, where it differs; 0: not at all. */
  readonly patienceMs: number;
  /** Told when the status was written. */
  readonly events: readonly OrderEvent[];
  readonly requeueAfterMs?: number;
};
