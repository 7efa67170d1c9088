/** The `amqp` role: takes requests until it is told to stop, then finishes what it has begun. Any number may run beside each other. */
import { deliveryPlace } from "#api/amqp/delivery/place.ts";
import { type DeliveryOptions, startAmqp } from "#api/amqp/start.ts";
import { TopologyError } from "#api/amqp/topology.ts";
import { fileUrl } from "#api/files/handlers.ts";
import type { OnAccepted } from "#api/orders/accept.ts";
import { postgresCatalogue } from "#catalog/catalogue.ts";
import { openBlobStore } from "#store/blobs/open.ts";
import { Failure } from "../failure.ts";
import { acceptSpans } from "../traces/spans.ts";
import { type Environment, given, readLinks } from "./environment.ts";
import { amqpMetrics } from "./metrics/amqp.ts";
import type { Role } from "./role.ts";

export function amqpRole(env: Environment): Role {
  const url = given(env, "ORDER_AMQP_URL");
  return {
    name: "amqp",
    // Few connections: the queries of many requests then leave in one packet.
    connections: 4,
    stopWithinMs: 25_000,
    async start({ db, transport, surroundings, now, random, logger, registry, tracer, signal }) {
      const { tenant } = surroundings;
      const catalogue = postgresCatalogue(db);
      const delivery = await deliveryOptions(env, now);
      const onAccepted: OnAccepted = (o) => tracer?.tell(...acceptSpans(tenant, { ...o, end: now() }));
      const options = { onAccepted, db, transport, catalogue, url, tenant, now, random, logger, signal };
      const amqp = startAmqp({ ...options, ...(delivery && { delivery }) });
      amqpMetrics(registry, amqp.health);
      return {
        ready: amqp.ready.catch(plainly),
        ended: amqp.stopped,
        alive: () => [],
        prepared: () => (amqp.health().consuming ? [] : ["The broker is away: no requests are taken"]),
      };
    },
  };
}

/** Only where deliveries are made does this role need the fetched files. */
async function deliveryOptions(env: Environment, now: () => Date): Promise<DeliveryOptions | undefined> {
  const place = deliveryPlace(env, now);
  if (!place) return undefined;
  const { publicUrl, prefix } = readLinks(env);
  const blobs = await openBlobStore(given(env, "ORDER_BLOBS_URL"), env);
  return { place, blobs, fileUrl: (id) => fileUrl(publicUrl + prefix, id) };
}

/** The broker being away is waited for; that it has something else under our names is for the administrator to mend. */
function plainly(error: unknown): never {
  throw error instanceof TopologyError ? new Failure(error.message) : error;
}
