/** What every service of the platform answers about itself (G1, G2, G4–G6). What has no meaning here says so with 501, as the contract has it. */
import type { Db } from "#store/db.ts";
import type { Handler } from "../http/call.ts";
import { DOCUMENTATION } from "../http/documentation.ts";
import { databaseAnswers } from "../http/health.ts";
import { HttpProblem } from "../http/problem.ts";
import { json, respond } from "../http/respond.ts";
import { routeTable } from "../http/route-table.ts";

/** G2. */
export function microserviceReady(db: Db): Handler {
  return async () => {
    const ready = await databaseAnswers(db);
    return json(200, { ready, reasons: ready ? [] : ["The database does not answer"] });
  };
}

/** Whether such a function is there: it is. */
export function enabled(): Handler {
  return () => respond(200, null);
}

export function notEnabled(what: string): Handler {
  return () => {
    throw new HttpProblem(501, [`${what} is not enabled`]);
  };
}

/** G4: the routes of the service's own interface with the least role that may call each. */
export function securityResources(): Handler {
  const resources = routeTable("")
    .routes.filter(({ operation }) => operation.at !== "root")
    .map(({ id, operation, path }) => ({
      microservice: "rs-order",
      resource: path.replaceAll(/:(\w+)/g, "{$1}"),
      verb: operation.method,
      defaultRole: operation.access,
      description: DOCUMENTATION[id].summary,
    }));
  return () => json(200, resources);
}
