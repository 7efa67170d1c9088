/**
 * What a tenant's settings say about where files may be fetched from: pure decisions on a URI and on a resolved address.
 * Deny by default: a scheme, host or address that no rule admits is refused, with the reason that the user sees.
 */
import { contains, isPublic, type Network, parseAddress, parseNetwork } from "./address.ts";

/** The settings of a tenant that concern sources (a part of the store's settings). */
export type SourceSettings = {
  readonly allowed_source_schemes: readonly string[];
  readonly allowed_source_hosts: readonly string[];
  readonly allowed_private_networks: readonly string[];
  readonly allowed_file_roots: readonly string[];
  readonly max_file_bytes: number;
};

export type Verdict<T> =
  | { readonly kind: "allowed"; readonly value: T }
  | { readonly kind: "refused"; readonly reason: string };

/** `uri` without what may be secret: user, password and query (presigned addresses carry their signature there). */
export function safeUri(uri: string | URL): string {
  const url = typeof uri === "string" ? parseUrl(uri) : uri;
  if (!url) return "(not a URI)";
  return `${url.protocol}//${url.host}${url.pathname}${url.search ? "?…" : ""}`;
}

function parseUrl(uri: string): URL | undefined {
  return URL.canParse(uri) ? new URL(uri) : undefined;
}

/** Whether the settings admit `uri` as far as its text tells. Resolved addresses are for `checkAddress`. */
export function checkUri(uri: string, settings: SourceSettings): Verdict<URL> {
  const url = parseUrl(uri);
  if (!url) return refused("Cannot read source address: it is no URI");
  const scheme = url.protocol.slice(0, -1);
  if (!settings.allowed_source_schemes.includes(scheme)) {
    return refused(`Cannot fetch '${safeUri(url)}': scheme '${scheme}' is not allowed`);
  }
  if (scheme === "file") return checkFileUri(url);
  if (url.hostname === "") return refused(`Cannot fetch '${safeUri(url)}': it names no host`);
  if (!settings.allowed_source_hosts.some((pattern) => hostMatches(url.hostname, pattern))) {
    return refused(`Cannot fetch '${safeUri(url)}': host '${url.hostname}' is not allowed`);
  }
  return { kind: "allowed", value: url };
}

function checkFileUri(url: URL): Verdict<URL> {
  if (url.hostname !== "") return refused(`Cannot read '${safeUri(url)}': a file URI must not name a host`);
  if (/%2f|%5c|%00/i.test(url.pathname))
    return refused(`Cannot read '${safeUri(url)}': its path has an escaped separator`);
  return { kind: "allowed", value: url };
}

/** `*`, a host name, or `*.domain` for everything below a domain. */
export function hostMatches(host: string, pattern: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, "");
  const wanted = pattern.toLowerCase();
  if (wanted === "*") return true;
  return wanted.startsWith("*.") ? name.endsWith(wanted.slice(1)) && name.length > wanted.length - 1 : name === wanted;
}

export type Endpoint = { readonly host: string; readonly port: number };

/** Whether a connection to `address` (what `endpoint.host` resolved to) is allowed. */
export function addressAllowed(address: string, endpoint: Endpoint, allowedPrivate: readonly string[]): boolean {
  const bytes = parseAddress(address);
  if (!bytes) return false;
  if (isPublic(bytes)) return true;
  return allowedPrivate.some((entry) => {
    const network: Network | undefined = parseNetwork(entry);
    return network ? contains(network, bytes) : isEndpoint(entry, endpoint);
  });
}

/** Whether `entry` is the text `host:port` of this endpoint. */
function isEndpoint(entry: string, { host, port }: Endpoint): boolean {
  return entry.toLowerCase() === `${host.toLowerCase().replace(/\.$/, "")}:${port}`;
}

/** Port of a http(s) URL. */
export function portOf(url: URL): number {
  return url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
}

function refused(reason: string): Verdict<never> {
  return { kind: "refused", reason };
}
