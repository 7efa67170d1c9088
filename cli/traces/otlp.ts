/**
 * Sends spans to an OpenTelemetry collector as OTLP over HTTP, in JSON. Spans are told when they have ended, in batches; a collector that is away is
 * asked again, and what does not fit into the queue meanwhile is dropped: traces never hold up an order. Our own hundred lines instead of the SDK,
 * whose spans choose their ids when they begin; ours are derived from the order (crds/trace.ts).
 */
import type { Logger } from "pino";
import { limited, pause } from "#kube/pause.ts";

export type Span = {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: "internal" | "server" | "consumer";
  readonly start: Date;
  readonly end: Date;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  /** Spans of other traces that it belongs together with. */
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
  /** Set: it ended badly, and why. */
  readonly error?: string;
};

export type Tracer = {
  tell(...spans: readonly Span[]): void;
  /** After the signal: sends what is left, within a few seconds. */
  flush(): Promise<void>;
};

export type TracerOptions = {
  /** The collector; spans go to `/v1/traces` below it. */
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly resource: Readonly<Record<string, string>>;
  readonly logger: Logger;
  readonly signal: AbortSignal;
};

const KINDS = { internal: 1, server: 2, consumer: 5 } as const;
const MOST_WAITING = 4096;
const BATCH = 512;
const EVERY_MS = 1_000;
const ANSWER_WITHIN_MS = 5_000;

export function startTracer(o: TracerOptions): Tracer {
  const waiting: Span[] = [];
  let dropped = 0;
  let failing = false;

  async function send(): Promise<boolean> {
    const batch = waiting.slice(0, BATCH);
    if (batch.length === 0) return false;
    try {
      await limited(ANSWER_WITHIN_MS, [], (signal) => post(o, batch, signal));
      waiting.splice(0, batch.length);
      if (failing) o.logger.info("Traces are taken again");
      failing = false;
      return waiting.length > 0;
    } catch (error) {
      if (!failing) o.logger.warn({ err: error, endpoint: o.endpoint }, "Traces are not taken and tried again");
      failing = true;
      return false;
    }
  }

  async function run(): Promise<void> {
    while (!o.signal.aborted) {
      while (await send());
      await pause(EVERY_MS, o.signal).catch(() => {});
    }
  }
  const running = run();
  return {
    tell(...spans) {
      if (waiting.length + spans.length <= MOST_WAITING) waiting.push(...spans);
      else if (dropped++ === 0) o.logger.warn("Traces are dropped: the collector does not take them");
    },
    async flush() {
      await running;
      while (await send());
    },
  };
}

async function post(o: TracerOptions, spans: readonly Span[], signal: AbortSignal): Promise<void> {
  const response = await fetch(`${o.endpoint.replace(/\/+$/, "")}/v1/traces`, {
    method: "POST",
    headers: { "content-type": "application/json", ...o.headers },
    body: JSON.stringify(exportRequest(spans, o.resource)),
    signal,
  });
  await response.body?.cancel();
  // What it cannot read it will not read the next time either.
  if (!response.ok && response.status !== 400) throw new Error(`The collector answers ${response.status}`);
}

/** The body: ExportTraceServiceRequest in the JSON of OTLP. */
export function exportRequest(spans: readonly Span[], resource: Readonly<Record<string, string>>) {
  return {
    resourceSpans: [
      {
        resource: { attributes: attributes(resource) },
        scopeSpans: [{ scope: { name: "regards-order" }, spans: spans.map(wireSpan) }],
      },
    ],
  };
}

function wireSpan(span: Span) {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(span.parentSpanId ? { parentSpanId: span.parentSpanId } : {}),
    name: span.name,
    kind: KINDS[span.kind],
    startTimeUnixNano: nanoseconds(span.start),
    endTimeUnixNano: nanoseconds(span.end),
    attributes: attributes(span.attributes),
    ...(span.links ? { links: span.links } : {}),
    status: span.error === undefined ? {} : { code: 2, message: span.error },
  };
}

/** As text: nanoseconds do not fit into a number. */
function nanoseconds(date: Date): string {
  return `${date.getTime()}000000`;
}

function attributes(values: Readonly<Record<string, string | number | boolean>>) {
  return Object.entries(values).map(([key, value]) => ({ key, value: wireValue(value) }));
}

function wireValue(value: string | number | boolean) {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}
