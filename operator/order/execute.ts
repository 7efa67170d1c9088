/**
 * The only writer of the order controller: carries out one action. Each may be repeated and may meet a rival's: the store's guards,
 * derived names and UID preconditions make the second time harmless. What the pass needs to know of the result is returned.
 */
import { ACCEPTED_REASON } from "#crds/conditions.ts";
import type { Role } from "#crds/files.ts";
import type { Order } from "#crds/order.ts";
import { isAlreadyExists, isConflict, isNotFound } from "#kube/errors.ts";
import { ownNamespace } from "#kube/namespace.ts";
import type { Transport } from "#kube/transport.ts";
import { againSubOrder, appendSubOrders, cancelPending, endSubOrder, retryFailed } from "#store/files.ts";
import { bindResource, insertOrder, purgeFiles } from "#store/orders.ts";
import { correlationIdOf } from "./facts.ts";
import type { Learnt } from "./observe.ts";
import type { Admission, OrderAction } from "./observed.ts";
import type { OrderPorts } from "./ports.ts";

/** What a write taught: why the row could not be made, that the search went on. */
export async function execute(ports: OrderPorts, order: Order, action: OrderAction): Promise<Learnt> {
  switch (action.kind) {
    case "insertRow":
      return await insertRow(ports, order, action);
    case "appendSubOrders": {
      const { id, kind: _, ...step } = action;
      await appendSubOrders(ports.db, id, { ...step, now: ports.now() });
      return { searched: true };
    }
    case "deleteOrder":
      await forgiving(ports.orders.api.delete(order.metadata.name, { uid: action.uid, propagation: "Background" }));
      return {};
    case "createSubOrder":
      await ports.subOrders.api.create(action.subOrder).catch((error: unknown) => {
        if (!isAlreadyExists(error)) throw error;
      });
      return {};
    case "raiseAttempt": {
      const patch = { metadata: { resourceVersion: action.resourceVersion }, spec: { attempt: action.attempt } };
      await unlessGone(ports.subOrders.api.patch(action.name, patch));
      return {};
    }
    case "deleteSubOrder":
      await forgiving(ports.subOrders.api.delete(action.name, { uid: action.uid, propagation: "Foreground" }));
      return {};
    default:
      await write(ports, action);
      return {};
  }
}

type RowAction = Extract<
  OrderAction,
  { kind: "bindRow" | "endSubOrder" | "againSubOrder" | "cancelPending" | "retryFailed" | "purgeFiles" }
>;

/** Writes to the order's rows; each is guarded in the store. */
async function write({ db, now, transport }: OrderPorts, action: RowAction): Promise<void> {
  switch (action.kind) {
    case "bindRow":
      await bindResource(db, action.id, { uid: action.uid, namespaceUid: await namespaceUid(transport) });
      return;
    case "endSubOrder":
      await endSubOrder(db, action.id, action.number, { ...action, now: now() });
      return;
    case "againSubOrder":
      await againSubOrder(db, action.id, action.number, { ...action, now: now() });
      return;
    case "cancelPending":
      await cancelPending(db, action.id, { reason: action.reason, now: now() });
      return;
    case "retryFailed":
      await retryFailed(db, action.id, { retry: action.retry, now: now() });
      return;
    case "purgeFiles":
      await purgeFiles(db, action.id);
      return;
    default:
      action satisfies never;
  }
}

/** Asked for after the resource was seen: the one that it is in, or a later one. */
async function namespaceUid(transport: Transport): Promise<string> {
  const namespace = await ownNamespace(transport);
  if (namespace === undefined) throw new Error(`Cannot bind an order: there is no namespace '${transport.namespace}'`);
  return namespace.uid;
}

/** The row of an order that came as a resource. A key or label that is taken refuses it. */
async function insertRow(ports: OrderPorts, order: Order, caller: { role: Role; groups: readonly string[] }) {
  const { owner } = order.spec;
  const { name, uid = "" } = order.metadata;
  const now = ports.now();
  const made = await insertOrder(ports.db, {
    owner,
    label: `Generated order ${now.toISOString()}`,
    correlationId: correlationIdOf(order),
    spec: order.spec,
    role: caller.role,
    groups: caller.groups,
    channel: "kubectl",
    resource: { name, uid, namespaceUid: await namespaceUid(ports.transport) },
    now,
  });
  return made.kind === "conflict" ? { admission: taken(made.field, order) } : {};
}

function taken(field: "correlationId" | "label", order: Order): Admission {
  if (field === "label") {
    const message = `Another order of the same owner is called '${order.spec.label ?? ""}'`;
    return { kind: "refused", refusal: { reason: ACCEPTED_REASON.labelTaken, message } };
  }
  const message = `Another order of the same owner has the correlation id '${correlationIdOf(order)}'`;
  return { kind: "refused", refusal: { reason: ACCEPTED_REASON.correlationIdTaken, message } };
}

/** A write to a version of an object; a conflict stays an error: what was decided was decided on another version. */
async function unlessGone<T>(write: Promise<T>): Promise<T | undefined> {
  try {
    return await write;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** A deletion by UID: the object is gone, or another has its name; either way nothing of ours is left to delete. */
async function forgiving(write: Promise<unknown>): Promise<void> {
  try {
    await write;
  } catch (error) {
    if (!isNotFound(error) && !isConflict(error)) throw error;
  }
}
