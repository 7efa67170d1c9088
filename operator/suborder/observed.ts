/** What the planner of a SubOrder looks at, and what it answers. Data only. */
import type { Process } from "#crds/process.ts";
import type { SubOrder, SubOrderStatus } from "#crds/suborder.ts";
import type { Job, Pod } from "#kube/kinds.ts";
import type { SubOrderRow } from "#store/files.ts";
import type { JobConfig } from "../config.ts";

export type Instant = Date;

/** Its row, and when the source said that the files it has not got would be ready. */
export type RowObserved = SubOrderRow & { readonly readyAt?: Instant };

export type SubOrderObserved = {
  readonly subOrder: SubOrder;
  /** Absent: its files were given back, or it was never ours. */
  readonly row?: RowObserved;
  /** Jobs labelled with this order and sub-order, foreign or not. */
  readonly jobs: readonly Job[];
  /** The object of our Job's name, whoever owns it. */
  readonly named?: Job;
  readonly pods: readonly Pod[];
  /** The one that its row names, if it is there (still); looked for while there is no Job of our name. */
  readonly process?: Process;
  readonly config: JobConfig;
  /** Why the API server will never have the Job that was to be made. */
  readonly refused?: string;
  /** Why it has not got it yet: a quota, a webhook that does not answer, a right that is missing. */
  readonly unmade?: string;
};

/** One write; a deletion names the UID that it was decided for. */
export type SubOrderAction =
  | { readonly kind: "createJob"; readonly job: Job }
  | { readonly kind: "deleteJob"; readonly name: string; readonly uid: string };

export type SubOrderEvent = {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly action: string;
  readonly note: string;
};

export type SubOrderPlan = {
  readonly actions: readonly SubOrderAction[];
  readonly status: SubOrderStatus;
  /** How long the status may wait to be told, where it differs; 0: not at all. */
  readonly patienceMs: number;
  readonly events: readonly SubOrderEvent[];
  readonly requeueAfterMs?: number;
};
