/**
 * `KubeError`: an API call that did not do what it was asked, with what a caller decides by: HTTP status and the server's own reason word.
 * Status 0 means that no answer came (refused, cut, timed out): the call may or may not have been carried out.
 */
export type KubeErrorDetails = {
  readonly status: number;
  readonly reason: string;
  readonly verb: string;
  readonly resource: string;
  readonly name?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
};

export class KubeError extends Error {
  readonly status: number;
  /** The server's reason, e.g. `Conflict`, `AlreadyExists`, `Expired`; `Unreachable` when no answer came. */
  readonly reason: string;
  readonly verb: string;
  readonly resource: string;
  /** Name of the object that the call was about. */
  readonly objectName?: string;
  /** How long the server asked to wait before the next try. */
  readonly retryAfterMs?: number;

  override readonly name = "KubeError";

  constructor(message: string, details: KubeErrorDetails) {
    const target = details.name === undefined ? details.resource : `${details.resource} '${details.name}'`;
    super(`Cannot ${details.verb} ${target}: ${message}`, { cause: details.cause });
    this.status = details.status;
    this.reason = details.reason;
    this.verb = details.verb;
    this.resource = details.resource;
    if (details.name !== undefined) this.objectName = details.name;
    if (details.retryAfterMs !== undefined) this.retryAfterMs = details.retryAfterMs;
  }
}

/** Somebody else wrote first, or a precondition (UID, resourceVersion) does not hold. */
export function isConflict(error: unknown): boolean {
  return error instanceof KubeError && error.status === 409 && error.reason !== "AlreadyExists";
}

export function isNotFound(error: unknown): boolean {
  return error instanceof KubeError && error.status === 404;
}

/** The name is taken: for a child whose name follows from its parent, that is as good as created. */
export function isAlreadyExists(error: unknown): boolean {
  return error instanceof KubeError && error.status === 409 && error.reason === "AlreadyExists";
}

/** The resourceVersion (or list page) is too old to go on from: list again. */
export function isGone(error: unknown): boolean {
  return error instanceof KubeError && (error.status === 410 || error.reason === "Expired" || error.reason === "Gone");
}

/** The object does not satisfy its schema or rules: the same request never succeeds. */
export function isInvalid(error: unknown): boolean {
  return error instanceof KubeError && (error.status === 422 || error.reason === "Invalid");
}

/** No answer came: the call may have been carried out or not. */
export function isUnreachable(error: unknown): boolean {
  return error instanceof KubeError && error.status === 0;
}
