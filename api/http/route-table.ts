/**
 * The routes of the table under their real paths, and which of them a path could have meant: for 405, and for `Allow`. A path that a route names
 * word by word is that route's alone: `/user/orders/apply` is never the order `apply`, whatever the method.
 */
import { OPERATIONS, type Operation, type OperationId, routePath } from "../operations.ts";

export type Route = { readonly id: OperationId; readonly operation: Operation; readonly path: string };

export type RouteTable = {
  readonly routes: readonly Route[];
  /** By method and path as the router matched them; HEAD of a GET is that GET. */
  find(method: string, path: string): Route | undefined;
  /** Of the routes that name the path most closely. */
  methodsAt(pathname: string): readonly string[];
};

export function routeTable(prefix: string): RouteTable {
  const routes = Object.entries(OPERATIONS).map(([id, operation]: [string, Operation]) => ({
    id: id as OperationId,
    operation,
    path: routePath(operation, prefix),
  }));
  const byKey = new Map(routes.map((route) => [`${route.operation.method} ${route.path}`, route]));
  const patterns = routes.map(({ operation, path }) => ({
    method: operation.method,
    pattern: patternOf(path),
    vagueness: vagueness(path),
  }));
  return {
    routes,
    find: (method, path) =>
      byKey.get(`${method} ${path}`) ?? (method === "HEAD" ? byKey.get(`GET ${path}`) : undefined),
    methodsAt: (pathname) => {
      const matching = patterns.filter(({ pattern }) => pattern.test(pathname));
      const closest = matching.map((match) => match.vagueness).sort()[0];
      return [...new Set(matching.filter((match) => match.vagueness === closest).map(({ method }) => method))];
    },
  };
}

/** Sorts paths that match the same text: the one whose words come first names it more closely. */
function vagueness(path: string): string {
  return path
    .split("/")
    .map((part) => (part.startsWith(":") ? "1" : "0"))
    .join("");
}

function patternOf(path: string): RegExp {
  const source = path
    .split("/")
    .map((part) => (part.startsWith(":") ? "[^/]+" : part.replaceAll(/[^\w-]/g, "\\$&")))
    .join("/");
  return new RegExp(`^${source}/?$`);
}
