/**
 * The AMQP listener as a process of its own, for tests that kill or freeze it. Kubernetes is away for it: resources are the operator's to make.
 * With ORDER_DELIVERY_URL and a blob store it makes deliveries too.
 */
import pino from "pino";
import { deliveryPlace } from "#api/amqp/delivery/place.ts";
import { startAmqp } from "#api/amqp/start.ts";
import { postgresCatalogue } from "#catalog/catalogue.ts";
import { handlerTransport } from "#kube/transport.ts";
import { openBlobStore } from "#store/blobs/open.ts";
import { connect } from "#store/db.ts";

const [databaseUrl = "", schema = "", url = "", blobsUrl] = process.argv.slice(2);
const db = connect(databaseUrl, { schema });
const now = () => new Date();
const place = deliveryPlace(process.env, now);
const blobs = blobsUrl === undefined ? undefined : await openBlobStore(blobsUrl, {});
const amqp = startAmqp({
  db,
  catalogue: postgresCatalogue(db),
  transport: handlerTransport(() => new Response("away", { status: 503 }), { namespace: "default" }),
  url,
  tenant: "default",
  now,
  random: Math.random,
  logger: pino({ level: "silent" }),
  signal: new AbortController().signal,
  heartbeatSeconds: 2,
  prefetch: 20,
  ...(place && blobs && { delivery: { place, blobs, fileUrl: (id) => `https://orders.example.org/${id}` } }),
});
await amqp.ready;
process.stdout.write("ready\n");
await amqp.stopped;
