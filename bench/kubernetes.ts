/**
 * The local Kubernetes under load, on a database of its own: writes per second, lists of 10,000 objects, events to hundreds of watchers.
 *   bun bench/kubernetes.ts        (TEST_DATABASE_URL names the server)
 */
import { pino } from "pino";
import { localKubernetes } from "#local/kubernetes/server.ts";
import { testDatabase } from "#test/support/database.ts";

const OBJECTS = 10_000;
const WRITERS = 32;
const WATCHERS = 300;
const UPDATES = 500;
const ORDERS = "/apis/order.regards.io/v1alpha1/namespaces/default/orders";

const database = await testDatabase("bench_kubernetes");
const kube = await localKubernetes({ url: database.url, now: () => new Date(), logger: pino({ level: "warn" }) });

async function send(method: string, path: string, body?: unknown): Promise<Response> {
  const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
  const init = { method, headers: { "content-type": type }, ...(body !== undefined && { body: JSON.stringify(body) }) };
  const response = await kube.handle(new Request(`http://localhost${path}`, init));
  if (!response.ok) throw new Error(`${method} ${path} was answered with ${response.status}: ${await response.text()}`);
  return response;
}

/** Runs `act` for 0..count-1, `WRITERS` at a time; milliseconds. */
async function timed(count: number, act: (index: number) => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < count; index = next++) await act(index);
  };
  await Promise.all(Array.from({ length: WRITERS }, worker));
  return performance.now() - begin;
}

function rate(name: string, count: number, ms: number): void {
  console.log(`${name}: ${Math.round((count * 1000) / ms)}/s (${count} in ${Math.round(ms)} ms)`);
}

const spec = {
  owner: "bench@example.com",
  label: "a label",
  selections: [{ query: 'platform:"landsat-8" AND cloud:[0 TO 60]' }],
};
const order = (index: number) => ({ metadata: { name: `order-${index}`, labels: { part: String(index % 10) } }, spec });

rate("creates", OBJECTS, await timed(OBJECTS, (index) => send("POST", ORDERS, order(index))));
rate(
  "status patches",
  OBJECTS,
  await timed(OBJECTS, (index) =>
    send("PATCH", `${ORDERS}/order-${index}/status`, { status: { percentCompleted: index % 100 } }),
  ),
);

for (const [name, query] of Object.entries({
  "list of all, first": "",
  "list of all, again": "",
  "list by label": "?labelSelector=part=3",
})) {
  const begin = performance.now();
  const text = await (await send("GET", ORDERS + query)).text();
  console.log(`${name}: ${Math.round(performance.now() - begin)} ms, ${Math.round(text.length / 1e6)} MB`);
}

const seen = new Array<number>(WATCHERS).fill(0);
const { metadata } = (await (await send("GET", `${ORDERS}?limit=1`)).json()) as {
  metadata: { resourceVersion: string };
};
const watching = seen.map(async (_, watcher) => {
  const response = await send("GET", `${ORDERS}?watch=true&resourceVersion=${metadata.resourceVersion}`);
  for await (const chunk of response.body ?? []) {
    seen[watcher] = (seen[watcher] ?? 0) + new TextDecoder().decode(chunk).split("\n").length - 1;
    if ((seen[watcher] ?? 0) >= UPDATES) return;
  }
});
const begin = performance.now();
await timed(UPDATES, (index) => send("PATCH", `${ORDERS}/order-${index}`, { spec: { retry: 1 } }));
rate(`writes beside ${WATCHERS} watchers`, UPDATES, performance.now() - begin);
await Promise.all(watching);
rate(`events to ${WATCHERS} watchers`, UPDATES * WATCHERS, performance.now() - begin);
console.log(`resident: ${Math.round(process.memoryUsage.rss() / 1e6)} MB`);

await kube.stop();
const again = performance.now();
const second = await localKubernetes({ url: database.url, now: () => new Date(), logger: pino({ level: "warn" }) });
console.log(`restart with ${OBJECTS} objects: ${Math.round(performance.now() - again)} ms`);
await second.stop();
await database.drop();
