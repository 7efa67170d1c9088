/**
 * `start` as a program: says `ready URL` on stdout, runs until it is told to stop or a part without which nothing works has ended,
 * and answers the exit code. Ended at once it loses nothing: the next start goes on where this one was.
 */
import { type LocalOptions, readConfig } from "./config.ts";
import { createLogger } from "./logger.ts";
import { aborted, stopSignal } from "./signals.ts";
import { startLocal } from "./start.ts";

type Environment = Readonly<Record<string, string | undefined>>;

const STDERR = 2;

export async function runStart(options: LocalOptions, env: Environment): Promise<number> {
  const human = process.stderr.isTTY === true;
  const logger = createLogger({
    style: human ? "human" : "json",
    level: env["ORDER_LOG_LEVEL"] ?? "info",
    fd: STDERR,
    colour: human && !env["NO_COLOR"],
  });
  const signal = stopSignal();
  const config = readConfig(options, env);
  const service = await startLocal(config, { logger, env, signal });
  if (!signal.aborted) process.stdout.write(`ready ${service.url}\n`);
  logger.info({ home: config.home, kubeconfig: config.kubeconfig }, "Orders can be made");
  const ended = await Promise.race([aborted(signal), service.broken]);
  if (ended === undefined) logger.info("Stopping (once more to stop at once)");
  else logger.error(`Stopping: ${ended}`);
  await service.stop();
  logger.info("Stopped");
  return ended === undefined ? 0 : 1;
}
