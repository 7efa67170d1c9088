/** One trace for each order, from the request through the operator to the program in its Job, as a collector gets it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import pino from "pino";
import { startTracer } from "#cli/traces/otlp.ts";
import { acceptSpans } from "#cli/traces/spans.ts";
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

/** Orders what has this name; in one request, or out of the basket. */
async function order(name: string, headers: Readonly<Record<string, string>> = {}): Promise<number> {
  const ask = await signIn(headers);
  const body = { queries: [`name:"${name}"`], filters: { dataTypes: ["RAWDATA"] } };
  return ((await ask("POST", "/user/orders/apply", body)) as { orderId: number }).orderId;
}

async function orderFromBasket(name: string, headers: Readonly<Record<string, string>>): Promise<number> {
  const ask = await signIn(headers);
  const selectionRequest = { engineType: "legacy", searchParameters: { q: [`name:"${name}"`] } };
  await ask("POST", "/order/basket/selection", selectionRequest);
  return ((await ask("POST", "/user/orders", { label: name })) as { content: { id: number } }).content.id;
}

async function signIn(headers: Readonly<Record<string, string>>) {
  const body = { grant_type: "password", username: USER, password: PASSWORD, scope: TENANT };
  const json = { "content-type": "application/json" };
  const token = await fetch(`${api.about}/api/v1/rs-authentication/oauth/token?scope=${TENANT}`, {
    method: "POST",
    headers: { ...json, authorization: `Basic ${btoa("client:secret")}` },
    body: JSON.stringify(body),
  });
  const { access_token: bearer } = (await token.json()) as { access_token: string };
  return async (method: string, path: string, asked: object): Promise<unknown> => {
    const answer = await fetch(`${api.about}/api/v1/rs-order${path}`, {
      method,
      headers: { ...json, ...headers, authorization: `Bearer ${bearer}` },
      body: JSON.stringify(asked),
    });
    return await answer.json();
  };
}

function randomHex(digits: number): string {
  return crypto.randomUUID().replaceAll("-", "").slice(0, digits);
}

/** The first span like that, once it has arrived. */
async function span(like: (one: (typeof collector.spans)[number]) => boolean) {
  return await eventually("the span has arrived", () => collector.spans.find(like), LIMIT.slow);
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

  for (const [way, ask] of [
    ["in one request", order],
    ["out of the basket", orderFromBasket],
  ] as const) {
    test(
      `a caller's own trace goes on, and leads to the trace of the order and back: ${way}`,
      async () => {
        const caller = { traceId: randomHex(32), spanId: randomHex(16) };
        const orderId = await ask("traced", { traceparent: `00-${caller.traceId}-${caller.spanId}-01` });
        const trace = orderTrace(TENANT, orderId);
        const asked = await span(({ traceId }) => traceId === caller.traceId);
        expect(asked).toMatchObject({ name: "ask for order", parentSpanId: caller.spanId, links: [trace] });
        const accepted = await span((one) => one.traceId === trace.traceId && one.name === "accept order");
        expect(accepted).toMatchObject({
          parentSpanId: trace.spanId,
          links: [{ traceId: caller.traceId, spanId: asked.spanId }],
        });
        expect(collector.refused).toEqual([]);
      },
      LONG_MS,
    );
  }

  test(
    "a caller whose trace is not kept gets no span in it, but the order's names it",
    async () => {
      const caller = { traceId: randomHex(32), spanId: randomHex(16) };
      const { traceId } = orderTrace(
        TENANT,
        await order("traced", { traceparent: `00-${caller.traceId}-${caller.spanId}-00` }),
      );
      expect(await span((one) => one.traceId === traceId && one.name === "accept order")).toMatchObject({
        links: [caller],
      });
      expect(collector.spans.some((one) => one.traceId === caller.traceId)).toBe(false);
    },
    LONG_MS,
  );

  test(
    "what is no traceparent is no reason to refuse an order",
    async () => {
      const { traceId } = orderTrace(TENANT, await order("traced", { traceparent: "nonsense" }));
      expect((await span((one) => one.traceId === traceId && one.name === "accept order")).links).toBeUndefined();
    },
    LONG_MS,
  );

  test(
    "another order is another trace",
    async () => {
      const traces = [orderTrace(TENANT, await order("traced")), orderTrace(TENANT, await order("traced"))];
      for (const { traceId } of traces) await span((one) => one.traceId === traceId);
      expect(traces[0]?.traceId).not.toBe(traces[1]?.traceId ?? "");
    },
    LONG_MS,
  );

  test("a collector that is away is asked again, and told what it missed", async () => {
    const away = otlpReceiver();
    const { port, url } = away;
    await away.stop();
    const stop = new AbortController();
    const tracer = startTracer({ endpoint: url, headers: {}, resource: {}, logger, signal: stop.signal });
    tracer.tell(...acceptSpans("t", { orderId: 1, channel: "rest", start: new Date(), end: new Date() }));
    const back = otlpReceiver({ port });
    await eventually("it is told", () => back.spans.length === 1);
    stop.abort();
    await tracer.flush();
    await back.stop();
  });

  test("what was told just before the end is sent by the flush", async () => {
    const stop = new AbortController();
    // The roles may still tell the other of what the tests before have done.
    const own = otlpReceiver();
    const tracer = startTracer({ endpoint: own.url, headers: {}, resource: {}, logger, signal: stop.signal });
    stop.abort();
    for (let orderId = 1; orderId <= 1200; orderId++) {
      tracer.tell(...acceptSpans("flush", { orderId, channel: "amqp", start: new Date(), end: new Date() }));
    }
    await tracer.flush();
    expect(own.spans).toHaveLength(1200);
    await own.stop();
  });
});
