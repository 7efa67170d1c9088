/**
 * Mounts the table's routes on Elysia, behind one guard: caller first, then role, then body, then handler. What the table does not name
 * is not mounted; what is mounted in another way is refused. Everything that goes wrong is answered in one place, in the contract's form.
 */
import { Elysia } from "elysia";
import type { Logger } from "pino";
import { readRouteRoles } from "#store/route-roles.ts";
import { isStorable, STORABLE } from "#store/storable.ts";
import { type AuthDeps, authenticate, authorize } from "../auth/authenticate.ts";
import { PUBLIC_USER } from "../auth/principal.ts";
import { effectiveAccess, mayCall } from "../auth/rights.ts";
import type { Operation, OperationId } from "../operations.ts";
import { refuseInMaintenance } from "../service/maintenance.ts";
import { readBody } from "./body.ts";
import type { Call, Handler } from "./call.ts";
import { HttpProblem } from "./problem.ts";
import { refuse } from "./refuse.ts";
import { type HttpAnswer, requestLog } from "./request-log.ts";
import { type RouteTable, routeTable } from "./route-table.ts";

export type RouterDeps = AuthDeps & {
  readonly prefix: string;
  readonly logger: Logger;
  readonly onAnswer?: (answer: HttpAnswer) => void;
};

export type Handlers = Readonly<Record<OperationId, Handler>>;

type Caller = Pick<Call, "principal" | "mayCall">;
type Context = { readonly request: Request; readonly route: string; readonly params: Record<string, string> };

export function router(deps: RouterDeps, handlers: Handlers): Elysia {
  const table = routeTable(deps.prefix);
  const log = requestLog(deps.logger, deps.onAnswer);
  const guard = callerGuard(deps, table);
  // Compiled, Elysia answers HEAD by running the GET and measuring its body: of an archive that would be all of its bytes.
  const app = new Elysia({ normalize: false, aot: false });
  app.onRequest(({ request }) => log.started(request));
  app.onBeforeHandle(async (context) => {
    await guard(context);
  });
  // Elysia applies a hook to the routes that come after it.
  app.onError(({ error, code, request, route }) => {
    const problem = code === "NOT_FOUND" ? notFound(table, request) : problemOf(error, { request, log });
    return log.answered(request, refuse(request, problem), operationAt(table, request, route));
  });
  for (const { id, operation, path } of table.routes) {
    const handle = async (context: Context) => {
      const { request, params } = context;
      const { principal, mayCall } = await guard(context);
      const query = new URL(request.url).searchParams;
      refuseUnstorable([...Object.entries(params), ...query]);
      const body = hasBody(operation) ? await readBody(request) : undefined;
      const call: Call = { request, principal, mayCall, params, query, body };
      return log.answered(request, await handlers[id](call), { operation: id, user: principal.email });
    };
    // Elysia must not read the body: it is read above, once the caller is known to be allowed.
    app.route(operation.method, path, (context) => handle(context as Context), { parse: () => "unread" });
  }
  return app;
}

/** The operation that was refused, where the path is one's. */
function operationAt(table: RouteTable, request: Request, route: string): { readonly operation?: string } {
  const found = table.find(request.method, route);
  return found ? { operation: found.id } : {};
}

function refuseUnstorable(parameters: readonly (readonly [name: string, value: string])[]): void {
  const wrong = parameters.find(([name, value]) => !isStorable(name) || !isStorable(value));
  if (wrong) throw new HttpProblem(400, [`${wrong[0].replaceAll("\0", "")}: ${STORABLE}`]);
}

const BODY_METHODS: ReadonlySet<Operation["method"]> = new Set(["POST", "PUT", "PATCH"]);

function hasBody(operation: Operation): boolean {
  return BODY_METHODS.has(operation.method) && operation.body !== "streamed";
}

/** Who calls, if they may call this route; asked once per request however often it is called. */
function callerGuard(deps: RouterDeps, table: RouteTable) {
  const callers = new WeakMap<Request, Promise<Caller>>();
  const check = async (request: Request, path: string): Promise<Caller> => {
    const route = table.find(request.method, path);
    if (route === undefined) throw new HttpProblem(403, ["Access denied: the route declares no role"]);
    // The router looks for a path of this method only: it may have taken a word of another route for a parameter.
    if (route.path.includes(":") && !table.methodsAt(new URL(request.url).pathname).includes(route.operation.method)) {
      throw notFound(table, request);
    }
    if (route.operation.access === "ANYONE") return { principal: PUBLIC_USER, mayCall: () => false };
    const principal = await authenticate(deps, request);
    const stored = await readRouteRoles(deps.db);
    authorize(principal, effectiveAccess(route.id, stored));
    await refuseInMaintenance(deps, { method: request.method, operation: route.id });
    return { principal, mayCall: (id) => mayCall(principal.role, id, stored) };
  };
  return (context: { readonly request: Request; readonly route: string }): Promise<Caller> => {
    const known = callers.get(context.request) ?? check(context.request, context.route);
    callers.set(context.request, known);
    return known;
  };
}

function notFound(table: RouteTable, request: Request): HttpProblem {
  const { pathname } = new URL(request.url);
  const methods = table.methodsAt(pathname);
  if (methods.length === 0) return new HttpProblem(404, [`No such route: ${request.method} ${pathname.slice(0, 200)}`]);
  const allow = methods.join(", ");
  if (request.method === "OPTIONS") return new HttpProblem(204, [], corsHeaders(allow));
  return new HttpProblem(405, [`Method ${request.method} is not allowed here: expected ${allow}`], { allow });
}

/** What a browser asks before a call with a token from another origin; the contract's gateway allows the same. */
function corsHeaders(allow: string): Readonly<Record<string, string>> {
  return {
    allow,
    "access-control-allow-methods": allow,
    "access-control-allow-headers":
      "authorization, content-type, scope, range, if-range, if-none-match, idempotency-key, last-event-id",
    "access-control-max-age": "3600",
  };
}

function problemOf(error: unknown, o: { request: Request; log: ReturnType<typeof requestLog> }): HttpProblem {
  if (error instanceof HttpProblem) return error;
  const id = o.log.failed(o.request, error);
  return new HttpProblem(500, [`Internal error, told in the log under request ${id}`]);
}
