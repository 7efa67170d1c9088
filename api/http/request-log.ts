/**
 * One log line per request, with an id that the answer carries too. Paths are logged without their query, and no header is: tokens travel
 * in both.
 */
import type { Logger } from "pino";

const ID_HEADER = "correlation-id";

export type Answered = { readonly operation?: string; readonly user?: string };

export type HttpAnswer = {
  readonly operation?: string;
  readonly method: string;
  readonly status: number;
  /** Until the answer's head. */
  readonly ms: number;
};

export type RequestLog = {
  started(request: Request): void;
  /** Puts the id on the answer and logs it; the time is that to the answer's head. */
  answered(request: Request, response: Response, about: Answered): Response;
  /** Logs what nobody expected; returns the id to tell. */
  failed(request: Request, error: unknown): string;
};

/** `onAnswer` hears of each answer too; for metrics. */
export function requestLog(logger: Logger, onAnswer?: (answer: HttpAnswer) => void): RequestLog {
  const started = new WeakMap<Request, { readonly id: string; readonly at: number }>();
  const of = (request: Request) => {
    const known = started.get(request) ?? { id: idOf(request), at: performance.now() };
    started.set(request, known);
    return known;
  };
  const line = (request: Request, id: string) => ({
    requestId: id,
    method: request.method,
    path: new URL(request.url).pathname,
  });
  return {
    started(request) {
      of(request);
    },
    answered(request, response, about) {
      const { id, at } = of(request);
      response.headers.set(ID_HEADER, id);
      const ms = Math.round((performance.now() - at) * 10) / 10;
      logger.info({ ...line(request, id), ...about, status: response.status, ms }, "request");
      const { operation } = about;
      onAnswer?.({ ...(operation && { operation }), method: request.method, status: response.status, ms });
      return response;
    },
    failed(request, error) {
      const { id } = of(request);
      logger.error({ ...line(request, id), err: error }, "request failed");
      return id;
    },
  };
}

/** The caller's own id where it is harmless, so that one id follows a request through gateway and service. */
function idOf(request: Request): string {
  const given = request.headers.get(ID_HEADER) ?? "";
  return /^[\w.-]{1,64}$/.test(given) ? given : crypto.randomUUID();
}
