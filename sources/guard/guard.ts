/**
 * The one gate for outgoing fetches: every address that the service opens, and every redirect, passes here first.
 * A host name is resolved here and the connection is then made to the very address that was checked (the caller connects to `address`
 * and sends the name as Host and TLS server name), so a name that resolves differently a moment later gains nothing.
 * Limit: when the environment names an HTTP proxy, the proxy makes the connection; it must then keep the same rules itself.
 */
import { constants } from "node:fs";
import { type FileHandle, open, readlink, realpath } from "node:fs/promises";
import { isAbsolute, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { addressAllowed, checkUri, portOf, type SourceSettings, safeUri, type Verdict } from "./rules.ts";

export type WebTarget = { readonly url: URL; readonly address: string };
export type FileTarget = {
  readonly path: string;
  readonly handle: FileHandle;
  readonly size: number;
  readonly version: string;
};

export type Guard = {
  readonly maxFileBytes: number;
  /** The parsed URI when its scheme and host are allowed. */
  uri(uri: string): Verdict<URL>;
  /** Where to connect for a http(s) URL. `turn` picks among several allowed addresses. A name that does not resolve throws. */
  web(url: URL, turn: number): Promise<Verdict<WebTarget>>;
  /** An open handle on a regular file below an allowed folder; the caller closes it. I/O errors are thrown. */
  file(url: URL): Promise<Verdict<FileTarget>>;
};

export type Resolve = (host: string) => Promise<readonly string[]>;

const RESOLVED_FOR_MS = 30_000;

/** A guard by the tenant's settings. `trusted` are `host:port` that the administrator configured for this program itself (the S3 endpoint). */
export function createGuard(
  settings: SourceSettings,
  options: { now: () => Date; resolve?: Resolve; trusted?: readonly string[] },
): Guard {
  const resolve = cachedResolve(options.resolve ?? lookup, options.now);
  const allowedPrivate = [...settings.allowed_private_networks, ...(options.trusted ?? [])];
  return {
    maxFileBytes: settings.max_file_bytes,
    uri: (uri) => checkUri(uri, settings),
    web: async (url, turn) => {
      const host = url.hostname.replace(/^\[|\]$/g, "");
      const endpoint = { host: url.hostname, port: portOf(url) };
      const addresses = (await resolve(host)).filter((address) => addressAllowed(address, endpoint, allowedPrivate));
      const address = addresses[turn % Math.max(addresses.length, 1)];
      if (address) return { kind: "allowed", value: { url, address } };
      return { kind: "refused", reason: `Cannot fetch '${safeUri(url)}': its address is private or reserved` };
    },
    file: (url) => openBelow(url, settings.allowed_file_roots),
  };
}

async function lookup(host: string): Promise<readonly string[]> {
  const found = await Bun.dns.lookup(host);
  return found.map((entry) => entry.address);
}

function cachedResolve(resolve: Resolve, now: () => Date): Resolve {
  const known = new Map<string, { until: number; addresses: Promise<readonly string[]> }>();
  return (host) => {
    const entry = known.get(host);
    const time = now().getTime();
    if (entry && entry.until > time) return entry.addresses;
    const addresses = resolve(host);
    known.set(host, { until: time + RESOLVED_FOR_MS, addresses });
    addresses.catch(() => known.delete(host));
    return addresses;
  };
}

async function openBelow(url: URL, roots: readonly string[]): Promise<Verdict<FileTarget>> {
  const shown = safeUri(url);
  const path = await realpath(fileURLToPath(url));
  if (!(await isBelowAny(path, roots))) {
    return { kind: "refused", reason: `Cannot read '${shown}': it is not below an allowed folder` };
  }
  // O_NONBLOCK: opening a named pipe must not wait for its writer.
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stat = await handle.stat();
    const refusal = stat.isFile() ? await swapped(handle, path) : "it is not a regular file";
    if (refusal === undefined) {
      const version = `${stat.ino}-${stat.size}-${stat.mtimeMs}`;
      return { kind: "allowed", value: { path, handle, size: stat.size, version } };
    }
    await handle.close();
    return { kind: "refused", reason: `Cannot read '${shown}': ${refusal}` };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Tells when a folder on the way was replaced by a link between the check and the open (Linux only: elsewhere this window of microseconds stays). */
async function swapped(handle: FileHandle, path: string): Promise<string | undefined> {
  const actual = await readlink(`/proc/self/fd/${handle.fd}`).catch(() => path);
  return actual === path ? undefined : "it changed while it was opened";
}

async function isBelowAny(path: string, roots: readonly string[]): Promise<boolean> {
  for (const root of roots) {
    const real = await realpath(root).catch(() => undefined);
    if (real !== undefined && isBelow(path, real)) return true;
  }
  return false;
}

/** Whether `path` lies below the folder `root`; both resolved. */
export function isBelow(path: string, root: string): boolean {
  const step = relative(root, path);
  return step !== "" && step !== ".." && !step.startsWith(`..${sep}`) && !isAbsolute(step);
}
