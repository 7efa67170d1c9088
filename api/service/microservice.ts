/** What every service of the platform answers about itself (G1, G2, G5, G6). What has no meaning here says so with 501, as the contract has it. */
import type { Db } from "#store/db.ts";
import type { Handler } from "../http/call.ts";
import { databaseAnswers } from "../http/health.ts";
import { HttpProblem } from "../http/problem.ts";
import { json, respond } from "../http/respond.ts";

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
