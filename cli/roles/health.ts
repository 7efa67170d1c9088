/**
 * The port for the cluster, not for users: `/healthz` (restart me if it fails), `/readyz` (send me work only while it answers 200), `/metrics`.
 * It listens before anything else is up, so that a role that waits for its database is alive and says what it waits for.
 */

/** Why something does not hold; empty when it does. */
export type Problems = readonly string[];

export type Probes = {
  /** What only a restart can mend. */
  alive(): Problems;
  ready(): Promise<Problems>;
  /** In the Prometheus text format. */
  metrics(): Promise<string>;
};

export type HealthServer = { readonly url: string; stop(): Promise<void> };

const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export function serveHealth(port: number, probes: Probes): HealthServer {
  const server = Bun.serve({
    port,
    routes: {
      "/healthz": () => answer(probes.alive()),
      "/metrics": async () => new Response(await probes.metrics(), { headers: { "content-type": METRICS_TYPE } }),
      "/readyz": async () => answer(await probes.ready()),
    },
    fetch: () => Response.json({ status: "DOWN", messages: ["No such page"] }, { status: 404 }),
    error: (error) => Response.json({ status: "DOWN", messages: [error.message] }, { status: 500 }),
  });
  return { url: `http://127.0.0.1:${server.port}`, stop: () => server.stop(true) };
}

function answer(messages: Problems): Response {
  if (messages.length === 0) return Response.json({ status: "UP" });
  return Response.json({ status: "DOWN", messages }, { status: 503 });
}
