/** `migrate`: brings the tenant's database up to date and ends. The roles do the same when they start; this is for who wants it done before. */
import { createLogger } from "#local/logger.ts";
import { stopSignal } from "#local/signals.ts";
import { type Environment, given } from "./environment.ts";
import { prepareDatabase } from "./role.ts";

const STDERR = 2;

export async function runMigrate(tenant: string, env: Environment): Promise<number> {
  const databaseUrl = given(env, "ORDER_DATABASE_URL");
  const logger = createLogger({ style: "json", level: env["ORDER_LOG_LEVEL"] || "info", fd: STDERR });
  const signal = stopSignal();
  const applied = await prepareDatabase({ databaseUrl, tenant }, { logger, signal });
  if (signal.aborted) return 1;
  const lines = applied.length === 0 ? ["up to date"] : applied.map((name) => `applied ${name}`);
  process.stdout.write(`${lines.join("\n")}\n`);
  return 0;
}
