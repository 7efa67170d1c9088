/** The AMQP listener as a process of its own, for tests that kill or freeze it. Kubernetes is away for it: resources are the operator's to make. */
import pino from "pino";
import { startAmqp } from "#api/amqp/start.ts";
import { postgresCatalogue } from "#catalog/catalogue.ts";
import { handlerTransport } from "#kube/transport.ts";
import { connect } from "#store/db.ts";

const [databaseUrl = "", schema = "", url = ""] = process.argv.slice(2);
const db = connect(databaseUrl, { schema });
const amqp = startAmqp({
  db,
  catalogue: postgresCatalogue(db),
  transport: handlerTransport(() => new Response("away", { status: 503 }), { namespace: "default" }),
  url,
  tenant: "default",
  now: () => new Date(),
  random: Math.random,
  logger: pino({ level: "silent" }),
  signal: new AbortController().signal,
  heartbeatSeconds: 2,
  prefetch: 20,
});
await amqp.ready;
process.stdout.write("ready\n");
await amqp.stopped;
