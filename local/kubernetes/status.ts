/**
 * Every refusal that the server gives, as the `Status` object a client expects.
 * Reasons, codes and wording follow k8s.io/apimachinery/pkg/api/errors: kubectl prints them and programs compare them.
 */
export type Cause = { readonly reason: string; readonly message: string; readonly field?: string };

export type StatusDetails = {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly Cause[];
  readonly retryAfterSeconds?: number;
};

export type Status = {
  readonly kind: "Status";
  readonly apiVersion: "v1";
  readonly metadata: Record<string, never>;
  readonly status: "Success" | "Failure";
  readonly message?: string;
  readonly reason?: string;
  readonly details?: StatusDetails;
  readonly code?: number;
};

/** What an error names: the resource in lower-case plural, the kind for validation errors. */
export type Named = { readonly group: string; readonly plural: string; readonly kind: string };

/** A refusal on its way to the client. */
export class ApiError extends Error {
  readonly status: Status;
  constructor(code: number, reason: string, message: string, details?: StatusDetails) {
    super(message);
    this.status = {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message,
      reason,
      ...(details && { details }),
      code,
    };
  }
  get code(): number {
    return this.status.code ?? 500;
  }
}

function qualified(word: string, group: string): string {
  return group === "" ? word : `${word}.${group}`;
}

function details(named: Named, name: string, extra: StatusDetails = {}): StatusDetails {
  return { ...(name && { name }), ...(named.group && { group: named.group }), kind: named.plural, ...extra };
}

export function badRequest(message: string): ApiError {
  return new ApiError(400, "BadRequest", message);
}

export function unauthorized(): ApiError {
  return new ApiError(401, "Unauthorized", "Unauthorized");
}

export function forbidden(named: Named, name: string, why: string, causes?: readonly Cause[]): ApiError {
  const message = `${qualified(named.plural, named.group)} ${JSON.stringify(name)} is forbidden: ${why}`;
  return new ApiError(403, "Forbidden", message, details(named, name, causes ? { causes } : {}));
}

export function notFound(named: Named, name: string): ApiError {
  const message = `${qualified(named.plural, named.group)} ${JSON.stringify(name)} not found`;
  return new ApiError(404, "NotFound", message, details(named, name));
}

/** The path leads nowhere: no such resource, group or version. */
export function noSuchPath(): ApiError {
  return new ApiError(404, "NotFound", "the server could not find the requested resource", {});
}

export function methodNotAllowed(): ApiError {
  return new ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {});
}

export function alreadyExists(named: Named, name: string): ApiError {
  const message = `${qualified(named.plural, named.group)} ${JSON.stringify(name)} already exists`;
  return new ApiError(409, "AlreadyExists", message, details(named, name));
}

const MODIFIED = "the object has been modified; please apply your changes to the latest version and try again";

export function conflict(named: Named, name: string, why: string = MODIFIED): ApiError {
  const message = `Operation cannot be fulfilled on ${qualified(named.plural, named.group)} ${JSON.stringify(name)}: ${why}`;
  return new ApiError(409, "Conflict", message, details(named, name));
}

/** Server-side apply met fields that others own. */
export function applyConflict(message: string, causes: readonly Cause[]): ApiError {
  return new ApiError(409, "Conflict", message, { causes });
}

export function gone(message: string): ApiError {
  return new ApiError(410, "Expired", message);
}

export function tooLarge(limit: number): ApiError {
  return new ApiError(413, "RequestEntityTooLarge", `Request entity too large: limit is ${limit}`);
}

export function unsupportedMediaType(supported: readonly string[]): ApiError {
  const message = `the body of the request was in an unknown format - accepted media types include: ${supported.join(", ")}`;
  return new ApiError(415, "UnsupportedMediaType", message);
}

export function notAcceptable(supported: readonly string[]): ApiError {
  const message = `only the following media types are accepted: ${supported.join(", ")}`;
  return new ApiError(406, "NotAcceptable", message);
}

/** The object breaks its schema or a rule; each cause names its field. */
export function invalid(named: Named, name: string, causes: readonly Cause[]): ApiError {
  const texts = [...new Set(causes.map((cause) => `${cause.field ?? "<nil>"}: ${cause.message}`))];
  const why = texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`;
  const message = `${qualified(named.kind, named.group)} ${JSON.stringify(name)} is invalid: ${why}`;
  return new ApiError(422, "Invalid", message, {
    ...details(named, name),
    kind: named.kind,
    causes,
  });
}

/** The client asks for a state that is newer than anything the server knows. */
export function tooLargeVersion(asked: number, current: number): ApiError {
  return new ApiError(504, "Timeout", `Too large resource version: ${asked}, current: ${current}`, {
    retryAfterSeconds: 1,
    causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
  });
}

export function unavailable(message: string): ApiError {
  return new ApiError(503, "ServiceUnavailable", message, { retryAfterSeconds: 1 });
}

export function internal(message: string): ApiError {
  return new ApiError(500, "InternalError", `Internal error occurred: ${message}`, {
    causes: [{ reason: "", message }],
  });
}
