/** Tells one span to the collector that the environment names, and ends: a process of its own, because whom it trusts is read when it starts. */
import pino from "pino";
import { openTracer } from "#cli/traces/open.ts";

const stop = new AbortController();
const logger = pino({ level: "warn" });
const tracer = openTracer(process.env, { role: "api", tenant: "default", logger, signal: stop.signal });
const at = new Date();
const ids = { traceId: "0123456789abcdef0123456789abcdef", spanId: "0123456789abcdef" };
tracer?.tell({ ...ids, name: "accept order", kind: "server", start: at, end: at, attributes: {} });
stop.abort();
await tracer?.flush();
