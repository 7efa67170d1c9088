/**
 * Names that must be the same everywhere: API group, labels, and the derived names of children.
 * A child's name follows from its parent alone, so that creating it twice is a harmless 409 and never a second child.
 */
export const GROUP = "order.regards.io";
export const VERSION = "v1alpha1";
export const API_VERSION = `${GROUP}/${VERSION}`;

/** Field manager and event source of everything that we write. */
export const MANAGER = "regards-order";

export const LABELS = {
  order: `${GROUP}/order`,
  subOrder: `${GROUP}/suborder`,
  attempt: `${GROUP}/attempt`,
  component: "app.kubernetes.io/component",
  managedBy: "app.kubernetes.io/managed-by",
  kueueQueue: "kueue.x-k8s.io/queue-name",
} as const;

/** On the Job of a run: how long its process may take, as it was when the Job was made. */
export const PROCESS_DEADLINE = `${GROUP}/process-deadline-seconds`;

/** Containers of a Job's pod. A sub-order without a process has the worker alone. */
export const CONTAINER = {
  /** Brings the inputs of a process. */
  fetch: "fetch",
  /** The administrator's image: nothing of ours is in it. */
  process: "process",
  /** Fetches files; with a process, stores what it gave. */
  worker: "worker",
} as const;

/** The worker's exit codes that a Job's podFailurePolicy and the operator understand. */
export const EXIT = {
  /** Some files are not ready at the source yet (HTTP 202): run again later. BSD sysexits EX_TEMPFAIL. */
  notReady: 75,
  /** The sub-order can never work as it is asked (unknown rows, bad configuration): do not retry. EX_CONFIG. */
  unusable: 78,
  /** Stopped by SIGTERM after reporting what was done. */
  stopped: 143,
} as const;

/** Name of the `Order` resource that REST, AMQP and the CLI make for the row with this id. */
export function orderName(orderId: number): string {
  return `order-${orderId}`;
}

const MAX_NAME = 63;

/** `parent-suffix`, the parent shortened (with a hash of it) so that the whole is a DNS label of at most 63 characters. */
function childName(parent: string, suffix: string): string {
  const plain = parent.replaceAll(".", "-");
  const name = `${plain}-${suffix}`;
  if (name.length <= MAX_NAME && plain === parent) return name;
  const hash = fnv1a(parent);
  return `${plain.slice(0, MAX_NAME - suffix.length - hash.length - 2)}-${hash}-${suffix}`;
}

/** FNV-1a, 32 bits, eight hexadecimal digits: enough to tell apart the few long names of one namespace. */
function fnv1a(value: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < value.length; i++) hash = Math.imul(hash ^ value.charCodeAt(i), 0x01000193) >>> 0;
  return hash.toString(16).padStart(8, "0");
}

/** Name of the `SubOrder` resource number `number` (from 1) of an order. */
export function subOrderName(order: string, number: number): string {
  return childName(order, String(number));
}

/** Name of the Job that runs attempt `attempt` (from 1) of a sub-order. */
export function jobName(subOrder: string, attempt: number): string {
  return childName(subOrder, `a${attempt}`);
}
