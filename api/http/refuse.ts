/**
 * The answer to a refusal: in the contract's form, or as problem details (RFC 9457) where the client asks for them. They hold the contract's
 * `messages` too, so that a client may change from one to the other line by line.
 */
import { STATUS_CODES } from "node:http";
import type { HttpProblem } from "./problem.ts";
import { json, respond } from "./respond.ts";

const MEDIA_TYPE = "application/problem+json";
/** Of statuses that nobody else knows. */
const TITLES: Readonly<Record<number, string>> = { 515: "Tenant In Maintenance" };
/** They say how the bytes are that were asked for, and there are none. */
const OF_THE_CONTENT: readonly string[] = ["content-type", "content-disposition", "content-length", "etag"];

export function refuse(request: Request, problem: HttpProblem): Response {
  const { status, messages, headers, body } = problem;
  if (status >= 400 && wantsDetails(request.headers.get("accept"))) {
    const kept = Object.entries(headers).filter(([name]) => !OF_THE_CONTENT.includes(name));
    const details = request.method === "HEAD" ? null : JSON.stringify(problemDetails(problem, request.url));
    return respond(status, details, { ...Object.fromEntries(kept), "content-type": MEDIA_TYPE });
  }
  if (body !== undefined) return json(status, body, headers);
  // With no message, an empty body, as some routes promise.
  return messages.length === 0 ? respond(status, null, headers) : json(status, { messages }, headers);
}

function problemDetails({ status, messages, fields }: HttpProblem, url: string) {
  return {
    type: "about:blank",
    title: TITLES[status] ?? STATUS_CODES[status] ?? "Error",
    status,
    ...(messages.length > 0 && { detail: messages.join("\n") }),
    instance: new URL(url).pathname,
    messages,
    ...(fields.length > 0 && {
      errors: fields.map(({ field, message }) => ({ pointer: pointerOf(field), detail: message })),
    }),
  };
}

/** `selections[0].query` → `#/selections/0/query`. */
function pointerOf(field: string): string {
  const steps = field.replaceAll(/\[(\d+)\]/g, ".$1").split(".");
  return `#${steps
    .filter((step) => step !== "" && step !== "body")
    .map((step) => `/${encodeURIComponent(step.replaceAll("~", "~0").replaceAll("/", "~1"))}`)
    .join("")}`;
}

/** Named, and not liked less than plain JSON is. A wildcard is no wish for them. */
function wantsDetails(accept: string | null): boolean {
  const likings = new Map(
    (accept ?? "").split(",").map((range) => {
      const [type = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
      const q = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2);
      return [type, q === undefined ? 1 : Number(q) || 0];
    }),
  );
  const liking = likings.get(MEDIA_TYPE) ?? 0;
  return liking > 0 && liking >= (likings.get("application/json") ?? 0);
}
