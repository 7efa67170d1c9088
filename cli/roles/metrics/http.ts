/** Rate, errors and duration of the REST API, by operation of its table: paths and users would be too many. */
import type { HttpAnswer } from "#api/http/request-log.ts";
import type { Registry } from "./registry.ts";

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export function httpMetrics(registry: Registry): (answer: HttpAnswer) => void {
  const requests = registry.counter("regards_order_http_requests_total", "Answered requests, by operation and status.");
  const seconds = registry.histogram("regards_order_http_request_duration_seconds", "Until the answer began.", SECONDS);
  return ({ operation = "none", method, status, ms }) => {
    requests.add(1, { operation, method, code: String(status) });
    seconds.observe(ms / 1000, { operation, method });
  };
}
