/** Answers as HTTP responses. */
import type { Logger } from "pino";
import { ApiError, internal, type Status } from "../status.ts";

export function jsonText(text: string, o: { code?: number; warnings?: readonly string[] } = {}): Response {
  const headers = new Headers({ "content-type": "application/json", "cache-control": "no-cache, private" });
  for (const warning of o.warnings ?? []) headers.append("warning", `299 - ${JSON.stringify(warning)}`);
  return new Response(text, { status: o.code ?? 200, headers });
}

export function json(value: unknown, code = 200): Response {
  return jsonText(JSON.stringify(value), { code });
}

export function statusAnswer(status: Status): Response {
  const answer = json(status, status.code ?? 200);
  const retry = status.details?.retryAfterSeconds;
  if (retry !== undefined) answer.headers.set("retry-after", String(retry));
  return answer;
}

/** A refusal as its Status; what nobody foresaw as a 500, logged. */
export function errorAnswer(error: unknown, logger: Logger): Response {
  if (error instanceof ApiError) return statusAnswer(error.status);
  logger.error({ err: error }, "Cannot answer a Kubernetes request");
  return statusAnswer(internal(error instanceof Error ? error.message : String(error)).status);
}
