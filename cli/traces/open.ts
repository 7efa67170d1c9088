/** The tracer that the environment asks for, by the names that OpenTelemetry gives them; none unless a collector is named. */
import { hostname } from "node:os";
import type { Logger } from "pino";
import { version } from "../../package.json" with { type: "json" };
import { startTracer, type Tracer } from "./otlp.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export function openTracer(
  env: Environment,
  o: { readonly role: string; readonly tenant: string; readonly logger: Logger; readonly signal: AbortSignal },
): Tracer | undefined {
  const endpoint = env["OTEL_EXPORTER_OTLP_ENDPOINT"];
  if (!endpoint) return undefined;
  const resource = {
    "service.name": env["OTEL_SERVICE_NAME"] || `regards-order-${o.role}`,
    "service.version": version,
    "service.instance.id": env["ORDER_POD_NAME"] || hostname(),
    "regards.tenant": o.tenant,
  };
  return startTracer({ endpoint, headers: readHeaders(env["OTEL_EXPORTER_OTLP_HEADERS"]), resource, ...o });
}

/** `name=value,name=value`, values percent-encoded. */
export function readHeaders(text = ""): Readonly<Record<string, string>> {
  const pairs = text
    .split(",")
    .map((pair) => pair.trim())
    .filter((pair) => pair.includes("="))
    .map((pair) => [pair.slice(0, pair.indexOf("=")), decodeURIComponent(pair.slice(pair.indexOf("=") + 1))]);
  return Object.fromEntries(pairs);
}
