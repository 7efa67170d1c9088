/** The `amqp` role as a program: takes requests until it is told to stop, then finishes what it has begun. Any number may run beside each other. */
import { startAmqp } from "#api/amqp/start.ts";
import { TopologyError } from "#api/amqp/topology.ts";
import { postgresCatalogue } from "#catalog/catalogue.ts";
import { inClusterTransport, kubeconfigTransport } from "#kube/kubeconfig.ts";
import { createLogger } from "#local/logger.ts";
import { aborted, stopSignal } from "#local/signals.ts";
import { connect, tenantSchema } from "#store/db.ts";
import { migrate } from "#store/migrate.ts";
import { Failure } from "../failure.ts";

type Environment = Readonly<Record<string, string | undefined>>;

const STDERR = 2;

export async function runAmqp(tenant: string, env: Environment): Promise<number> {
  const url = given(env, "ORDER_AMQP_URL");
  const databaseUrl = given(env, "ORDER_DATABASE_URL");
  const logger = createLogger({ style: "json", level: env["ORDER_LOG_LEVEL"] ?? "info", fd: STDERR, colour: false });
  const signal = stopSignal();
  const schema = tenantSchema(tenant);
  const namespace = env["ORDER_NAMESPACE"] ?? tenant;
  const path = env["ORDER_KUBECONFIG"];
  const transport = path ? await kubeconfigTransport({ path, namespace }) : await inClusterTransport();
  await migrate(databaseUrl, { schema });
  // Few connections: the queries of many requests then leave in one packet.
  const db = connect(databaseUrl, { schema, max: 4, application: "regards-order amqp" });
  const amqp = startAmqp({
    db,
    transport,
    catalogue: postgresCatalogue(db),
    url,
    tenant,
    now: () => new Date(),
    random: Math.random,
    logger,
    signal,
  });
  try {
    const clash = await Promise.race([amqp.ready.then(() => undefined, topologyProblem), aborted(signal)]);
    if (clash) throw new Failure(clash.message);
    if (!signal.aborted) process.stdout.write("ready\n");
    await aborted(signal);
    await amqp.stopped;
  } finally {
    await db.end({ timeout: 1 });
  }
  return 0;
}

/** The broker being away is no reason to end: it is waited for. */
function topologyProblem(error: unknown): TopologyError {
  if (error instanceof TopologyError) return error;
  throw error;
}

function given(env: Environment, name: string): string {
  const value = env[name];
  if (!value) throw new Failure(`Cannot start: ${name} is not set`);
  return value;
}
