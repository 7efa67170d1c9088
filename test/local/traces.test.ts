/** One trace for each order, from the request through the operator to the program in its Job, as a collector gets it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import pino from "pino";
import { startTracer } from "#cli/traces/otlp.ts";
import { acceptSpan } from "#cli/traces/spans.ts";
import { orderTrace } from "#crds/trace.ts";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { otlpReceiver } from "#test/support/otlp-receiver.ts";
import type { RoleProcess } from "#test/support/role.ts";
import { PASSWORD, type RolesWorld, rolesWorld, TENANT, USER } from "#test/support/roles-world.ts";

const LONG_MS = 120_000;
const collector = otlpReceiver();
const tracing = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
const logger = pino({ level: "silent" });
let world: RolesWorld;
let api: RoleProcess;

beforeAll(async () => {
  world = await rolesWorld("traces", tracing);
  await world.prepare();
  [api] = await Promise.all([world.start("api", "api", tracing), world.start("operator", "operator", tracing)]);
}, LONG_MS);
afterAll(async () => {
  await world.close();
  await collector.stop();
}, LONG_MS);

async function order(name: string): Promise<number> {
  const body = { grant_type: "password", username: USER, password: PASSWORD, scope: TENANT };
  const json = { "content-type": "application/json" };
  const token = await fetch(`${api.about}/api/v1/rs-authentication/oauth/token?scope=${TENANT}`, {
    method: "POST",
    headers: { ...json, authorization: `Basic ${btoa("client:secret")}` },
    body: JSON.stringify(body),
  });
  const { access_token: bearer } = (await token.json()) as { access_token: string };
  const asked = await fetch(`${api.about}/api/v1/rs-order/user/orders/apply`, {
    method: "POST",
    headers: { ...json, authorization: `Bearer ${bearer}` },
    body: JSON.stringify({ queries: [`name:"${name}"`], filters: { dataTypes: ["RAWDATA"] } }),
  });
  return ((await asked.json()) as { orderId: number }).orderId;
}

describe("traces", () => {
  test(
    "an order is one trace over three programs, each span below the one that caused it",
    async () => {
      await world.product("traced", new TextEncoder().encode("bytes"));
      const { traceId, spanId: root } = orderTrace(TENANT, await order("traced"));
      const spans = await eventually(
        "all of the trace has arrived",
        () => {
          const found = collector.spans.filter((span) => span.traceId === traceId);
          return found.length >= 4 ? found : undefined;
        },
        LIMIT.slow,
      );
      const tree = Object.fromEntries(spans.map((span) => [span.name, span]));
      expect(spans.map(({ name, service }) => `${service}: ${name}`).sort()).toEqual([
        "regards-order-api: accept order",
        "regards-order-operator: order",
        "regards-order-operator: sub-order",
        "regards-order-worker: fetch files",
      ]);
      expect(tree["order"]).toMatchObject({ spanId: root, status: {} });
      expect(tree["order"]?.parentSpanId).toBeUndefined();
      expect(tree["accept order"]?.parentSpanId).toBe(root);
      expect(tree["sub-order"]?.parentSpanId).toBe(root);
      expect(tree["fetch files"]?.parentSpanId).toBe(tree["sub-order"]?.spanId ?? "none");
      for (const { startTimeUnixNano, endTimeUnixNano } of spans) {
        expect(BigInt(endTimeUnixNano) >= BigInt(startTimeUnixNano)).toBe(true);
      }
      expect(collector.refused).toEqual([]);
    },
    LONG_MS,
  );

  test(
    "another order is another trace",
    async () => {
      const { traceId } = orderTrace(TENANT, await order("traced"));
      await eventually("it has arrived", () => collector.spans.some((span) => span.traceId === traceId), LIMIT.slow);
      expect(new Set(collector.spans.map((span) => span.traceId)).size).toBe(2);
    },
    LONG_MS,
  );

  test("a collector that is away is asked again, and told what it missed", async () => {
    const away = otlpReceiver();
    const { port, url } = away;
    await away.stop();
    const stop = new AbortController();
    const tracer = startTracer({ endpoint: url, headers: {}, resource: {}, logger, signal: stop.signal });
    tracer.tell(acceptSpan("t", { orderId: 1, channel: "rest", start: new Date(), end: new Date() }));
    const back = otlpReceiver(port);
    await eventually("it is told", () => back.spans.length === 1);
    stop.abort();
    await tracer.flush();
    await back.stop();
  });

  test("what was told just before the end is sent by the flush", async () => {
    const stop = new AbortController();
    const before = collector.spans.length;
    const tracer = startTracer({ endpoint: collector.url, headers: {}, resource: {}, logger, signal: stop.signal });
    stop.abort();
    for (let orderId = 1; orderId <= 1200; orderId++) {
      tracer.tell(acceptSpan("flush", { orderId, channel: "amqp", start: new Date(), end: new Date() }));
    }
    await tracer.flush();
    expect(collector.spans.length - before).toBe(1200);
  });
});
