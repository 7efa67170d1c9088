/** What a route's handler is given: the caller and the request, nothing of the web framework, so that a handler is a plain function. */
import type { Principal } from "../auth/principal.ts";
import type { OperationId } from "../operations.ts";
import { HttpProblem } from "./problem.ts";

export type Call = {
  readonly request: Request;
  readonly principal: Principal;
  /** Whether this caller's role is enough for that route, as the tenant has it now. */
  readonly mayCall: (id: OperationId) => boolean;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Parsed, not checked. */
  readonly body: unknown;
};

export type Handler = (call: Call) => Response | Promise<Response>;

/** As many digits as a number holds exactly. */
const WHOLE_NUMBER = /^-?\d{1,15}$/;

/** A whole number of the path. A negative one is well-formed: it is only the number of nothing. */
export function idParam(call: Call, name: string): number {
  const text = call.params[name] ?? "";
  if (!WHOLE_NUMBER.test(text)) {
    throw new HttpProblem(422, [`${name}: expected a whole number, got '${text.slice(0, 64)}'`]);
  }
  return Number(text);
}
