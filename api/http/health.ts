/** Liveness (the process answers) and readiness (its database answers too). Kubernetes being away makes the service slower, not unready. */
import type { Db } from "#store/db.ts";
import type { Handler } from "./call.ts";
import { json } from "./respond.ts";

const READY_WITHIN_MS = 2_000;

export function healthz(): Handler {
  return () => json(200, { status: "UP" });
}

export function readyz(db: Db): Handler {
  return async () =>
    (await databaseAnswers(db))
      ? json(200, { status: "UP" })
      : json(503, { status: "DOWN", messages: ["The database does not answer"] });
}

export function databaseAnswers(db: Db): Promise<boolean> {
  return Promise.race([
    db`SELECT 1`.then(
      () => true,
      () => false,
    ),
    new Promise<false>((resolve) => setTimeout(() => resolve(false), READY_WITHIN_MS).unref()),
  ]);
}
