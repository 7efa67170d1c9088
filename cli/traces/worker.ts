/** A Job's program as a span of its order's trace. The span is sent when the work is done, so it costs the work nothing. */
import { createLogger } from "#local/logger.ts";
import { openTracer } from "./open.ts";
import { workerSpan } from "./spans.ts";

type Environment = Readonly<Record<string, string | undefined>>;

const STDERR = 2;

/** Runs the work and answers its exit code. */
export async function traced(env: Environment, work: () => Promise<number>): Promise<number> {
  const ended = new AbortController();
  const logger = createLogger({ style: "json", level: "warn", fd: STDERR });
  const tenant = env["ORDER_TENANT"] ?? "default";
  const tracer = openTracer(env, { role: "worker", tenant, logger, signal: ended.signal });
  const start = new Date();
  const code = await work();
  const span = workerSpan(env["TRACEPARENT"], { start, end: new Date(), code });
  if (tracer && span) tracer.tell(span);
  ended.abort();
  await tracer?.flush();
  return code;
}
