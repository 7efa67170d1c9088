/** What bench/amqp.ts measures: the AMQP side and the local Kubernetes in a process of their own, over the database and the broker it is given. */
import pino from "pino";
import { startAmqp } from "#api/amqp/start.ts";
import { postgresCatalogue } from "#catalog/catalogue.ts";
import { handlerTransport } from "#kube/transport.ts";
import { localKubernetes } from "#local/kubernetes/server.ts";
import { connect } from "#store/db.ts";

const [databaseUrl = "", schema = "", url = "", kubernetesWhere = "local"] = process.argv.slice(2);
const logger = pino({ level: "error" });
const now = () => new Date();
// Few connections: the queries of many requests then leave in one packet.
const db = connect(databaseUrl, { schema, max: 4 });
const kubernetes = kubernetesWhere === "local" ? await localKubernetes({ url: databaseUrl, now, logger }) : undefined;
const made = () => Response.json({}, { status: 201 });
const amqp = startAmqp({
  db,
  catalogue: postgresCatalogue(db),
  transport: handlerTransport((request) => (kubernetes ? kubernetes.handle(request) : made()), {
    namespace: "default",
  }),
  url,
  tenant: "default",
  now,
  random: Math.random,
  logger,
  signal: new AbortController().signal,
});
await amqp.ready;
process.stdout.write("ready\n");
await amqp.stopped;
