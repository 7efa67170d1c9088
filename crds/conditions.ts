/** Condition types and reasons that programs may rely on. A reason is the contract; the message beside it may change. */

export const ORDER_CONDITION = {
  /** The request is well-formed, permitted, and has a number. False is final. */
  accepted: "Accepted",
  /** The catalogue was searched to the end and all files are known. */
  resolved: "Resolved",
  /** The user asked for a pause and no Job of the order runs. */
  suspended: "Suspended",
  /** True: every file is there. False with a final reason: it ended otherwise. Unknown: in progress. */
  succeeded: "Succeeded",
} as const;

export const ACCEPTED_REASON = {
  accepted: "Accepted",
  invalidSpec: "InvalidSpec",
  unknownUser: "UnknownUser",
  inactiveUser: "InactiveUser",
  quotaExceeded: "QuotaExceeded",
  correlationIdTaken: "CorrelationIdTaken",
  labelTaken: "LabelTaken",
  nothingFound: "NothingFound",
  sizeLimitExceeded: "SizeLimitExceeded",
  catalogueFailed: "CatalogueFailed",
  /** A process that is not there or not ready, that the owner may not use on these datasets, or that does not take these parameters. */
  invalidProcess: "InvalidProcess",
  /** More than a process takes in one run that must not be split. */
  processLimitExceeded: "ProcessLimitExceeded",
} as const;

export const RESOLVED_REASON = {
  waiting: "Waiting",
  searching: "Searching",
  resolved: "Resolved",
  noFileMatches: "NoFileMatches",
  productsGone: "ProductsGone",
  catalogueFailed: "CatalogueFailed",
  /** A process of the order can no longer be run as it was asked for. */
  processFailed: "ProcessFailed",
} as const;

export const SUSPENDED_REASON = {
  notSuspended: "NotSuspended",
  stopping: "Stopping",
  suspended: "Suspended",
} as const;

/** Reasons of Succeeded; those of ORDER_ENDED are final. */
export const SUCCEEDED_REASON = {
  waiting: "Waiting",
  waitingForSlot: "WaitingForSlot",
  waitingForUser: "WaitingForUser",
  waitingForSource: "WaitingForSource",
  /** The Jobs of all its running sub-orders are suspended: the cluster's queue (Kueue) has not let them in. */
  waitingForQueue: "WaitingForQueue",
  running: "Running",
  suspended: "Suspended",
  allFilesAvailable: "AllFilesAvailable",
  someFilesFailed: "SomeFilesFailed",
  allFilesFailed: "AllFilesFailed",
  nothingToDeliver: "NothingToDeliver",
  refused: "Refused",
  cancelled: "Cancelled",
  expired: "Expired",
  deleted: "Deleted",
} as const;

export const SUBORDER_CONDITION = {
  /** True: every file is available. False with a final reason: the attempt ended otherwise. Unknown: in progress. */
  succeeded: "Succeeded",
} as const;

/** Reasons of a SubOrder's Succeeded condition, for the attempt in its spec. */
export const SUBORDER_REASON = {
  waitingForJob: "WaitingForJob",
  /** The Job exists but no pod of it runs yet; the message says why (image, scheduling). */
  waitingForPod: "WaitingForPod",
  /** The Job is suspended by somebody else, as Kueue does until there is quota, or again when another goes before. */
  waitingForQueue: "WaitingForQueue",
  running: "Running",
  allFilesAvailable: "AllFilesAvailable",
  someFilesFailed: "SomeFilesFailed",
  /** The source has not got some files ready; the order controller starts another attempt later. */
  notReady: "NotReady",
  /** The Job ended without finishing its files: crashed too often, deadline, unusable. */
  jobFailed: "JobFailed",
} as const;

export const PROCESS_CONDITION = {
  /** Whether it can be ordered. */
  ready: "Ready",
} as const;

export const PROCESS_REASON = {
  ready: "Ready",
  /** `spec.parameters` is no JSON Schema of an object. */
  invalidParameters: "InvalidParameters",
  /** `spec.resources` is nothing that a container can have. */
  invalidResources: "InvalidResources",
} as const;
