/**
 * The `api` role: the REST API and who sends mails and webhooks, without state of their own, so any number of it may run. Told to stop it first
 * says so to the cluster and goes on answering for a while, because requests still arrive until every node has heard.
 */
import { createApi } from "#api/app.ts";
import { readIssuers } from "#api/auth/issuers.ts";
import { serveApi } from "#api/http/serve.ts";
import { readMailConfig } from "#api/notify/mail/config.ts";
import { startNotifier } from "#api/notify/start.ts";
import { postgresCatalogue } from "#catalog/catalogue.ts";
import { pause } from "#kube/pause.ts";
import { aborted } from "#local/signals.ts";
import { openBlobStore } from "#store/blobs/open.ts";
import { version } from "../../package.json" with { type: "json" };
import { acceptSpans } from "../traces/spans.ts";
import { type Environment, given, readLinks, whole } from "./environment.ts";
import { httpMetrics } from "./metrics/http.ts";
import type { Role } from "./role.ts";

const DEFAULT_PORT = 9043;
const STOP_SECONDS = 30;
const MOST_SECONDS = 3_600;

export function apiRole(env: Environment): Role {
  const port = whole(env, "ORDER_PORT", { otherwise: DEFAULT_PORT, most: 65_535 });
  const host = env["ORDER_HOST"] || "0.0.0.0";
  const links = readLinks(env);
  const jwtSecret = given(env, "ORDER_JWT_SECRET");
  const mail = readMailConfig(env);
  const issuers = readIssuers(env["ORDER_OIDC_ISSUERS"]);
  const blobsUrl = given(env, "ORDER_BLOBS_URL");
  const drainMs = whole(env, "ORDER_DRAIN_SECONDS", { otherwise: 0, most: MOST_SECONDS }) * 1000;
  const stopMs = whole(env, "ORDER_STOP_SECONDS", { otherwise: STOP_SECONDS, most: MOST_SECONDS }) * 1000;
  return {
    name: "api",
    connections: 10,
    stopWithinMs: drainMs + stopMs + 5_000,
    async start({ db, transport, surroundings, now, random, logger, registry, tracer, signal }) {
      const { tenant } = surroundings;
      const config = { tenant, ...links, jwtSecret, issuers, version };
      const stopping = new AbortController();
      const app = createApi({
        db,
        transport,
        catalogue: postgresCatalogue(db),
        blobs: await openBlobStore(blobsUrl, env),
        config,
        now,
        logger,
        env,
        stopping: stopping.signal,
        ...(tracer && { onAccepted: (o) => tracer.tell(...acceptSpans(tenant, { ...o, end: now() })) }),
        onAnswer: httpMetrics(registry),
      });
      const notifier = startNotifier({ db, config, ...(mail && { mail }), now, random, logger, signal });
      const server = await serveApi(app, { host, port });
      const stop = async () => {
        await aborted(signal);
        server.drain();
        await pause(drainMs);
        stopping.abort();
        await server.stop({ withinMs: stopMs });
      };
      return {
        about: server.url,
        ready: Promise.resolve(),
        ended: Promise.all([stop(), notifier.stopped]),
        alive: () => [],
        prepared: () => [],
      };
    },
  };
}
