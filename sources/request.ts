/**
 * One request to the very address that the guard has checked, with the name in `Host` and TLS. Redirects are not followed: where they
 * lead must pass the guard too.
 */
import type { WebTarget } from "./guard/guard.ts";

export type CheckedRequest = {
  readonly method?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
};

export function requestChecked({ url, address }: WebTarget, request: CheckedRequest): Promise<Response> {
  const { method = "GET", headers, body, signal } = request;
  const connect = new URL(url);
  connect.hostname = address.includes(":") ? `[${address}]` : address;
  connect.username = "";
  connect.password = "";
  connect.hash = "";
  return fetch(connect, {
    method,
    headers: { host: url.host, "accept-encoding": "identity", "user-agent": "regards-order", ...headers },
    ...(body !== undefined && { body }),
    redirect: "manual",
    signal,
    // Bun: a body may be silent for longer than its own limit (the caller's signal has one); encoded bodies are not wanted.
    ...{ timeout: false, decompress: false },
    ...(url.protocol === "https:" ? { tls: { serverName: url.hostname.replace(/^\[|\]$/g, "") } } : {}),
  });
}
