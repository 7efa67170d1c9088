/**
 * Transports for real clusters: from a kubeconfig (client certificate, token, token file, exec plug-in), or from within a pod.
 * The official client reads the kubeconfig and runs the plug-ins; it is loaded only here and only when needed (80 MB), and its transport is not used.
 */
import { readFile } from "node:fs/promises";
import type { RequestOptions } from "node:https";
import { dirname, resolve } from "node:path";
import type { KubeConfig as OfficialConfig } from "@kubernetes/client-node";
import { type Credentials, fetchTransport, type TlsOptions, type Transport } from "./transport.ts";

const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";
/** Tokens on disk are rotated: they are read again after this time, and after a 401. */
const REREAD_MS = 60_000;

/** Where `path` is absent, as kubectl: `KUBECONFIG`, then `~/.kube/config`. */
export async function kubeconfigTransport(
  options: { readonly path?: string; readonly context?: string; readonly namespace?: string } = {},
): Promise<Transport> {
  const { KubeConfig } = await import("@kubernetes/client-node");
  const load = () => {
    const config = new KubeConfig();
    readTokenFiles(config, dirname(options.path ?? ""));
    if (options.path === undefined) config.loadFromDefault();
    else config.loadFromFile(options.path);
    if (options.context !== undefined) config.setCurrentContext(options.context);
    return config;
  };
  let config = load();
  const context = config.getContextObject(config.getCurrentContext());
  const cluster = config.getCurrentCluster();
  if (!context || !cluster) {
    throw new Error(`Cannot use kubeconfig: context '${config.getCurrentContext()}' or its cluster does not exist`);
  }
  const credentials = reread(async ({ refresh }) => {
    // A new object has no cached answers of an exec plug-in.
    if (refresh) config = load();
    const request: RequestOptions = {};
    await config.applyToHTTPSOptions(request);
    return credentialsOf(request);
  });
  const namespace = options.namespace ?? context.namespace ?? "default";
  return fetchTransport({ server: cluster.server, namespace, credentials });
}

/** `users[].user.tokenFile`, which the official client passes over, as the authenticator of its own that reads token files. */
function readTokenFiles(config: OfficialConfig, folder: string): void {
  const load = config.loadFromString.bind(config);
  config.loadFromString = (text, o) => {
    load(text, o);
    const { users } = Bun.YAML.parse(text) as { users?: { name: string; user?: { tokenFile?: string } }[] };
    const files = new Map(users?.map(({ name, user }) => [name, user?.tokenFile]));
    config.users = config.users.map((user) => {
      const file = files.get(user.name);
      if (!file) return user;
      return { ...user, authProvider: { name: "tokenFile", config: { tokenFile: resolve(folder, file) } } };
    });
  };
}

/** For a program in a pod, by its service account. */
export async function inClusterTransport(
  options: { readonly folder?: string; readonly env?: Readonly<Record<string, string | undefined>> } = {},
): Promise<Transport> {
  const { folder = SERVICE_ACCOUNT, env = process.env } = options;
  const host = env["KUBERNETES_SERVICE_HOST"];
  const port = env["KUBERNETES_SERVICE_PORT"];
  if (!host || !port) throw new Error("Cannot reach the cluster from within: KUBERNETES_SERVICE_HOST is not set");
  const read = async (file: string) => (await readFile(`${folder}/${file}`, "utf8")).trim();
  const namespace = await read("namespace");
  const credentials = reread(async () => ({
    headers: { authorization: `Bearer ${await read("token")}` },
    tls: { ca: await read("ca.crt") },
  }));
  const server = `https://${host.includes(":") ? `[${host}]` : host}:${port}`;
  return fetchTransport({ server, namespace, credentials });
}

type Source = (o: { readonly refresh: boolean }) => Promise<Credentials>;

/** Keeps what `source` gave for a minute. Callers at the same time share one reading. */
function reread(source: Source): Source {
  let reading: Promise<Credentials> | undefined;
  let readAt = 0;
  return async ({ refresh }) => {
    if (reading === undefined || refresh || performance.now() - readAt > REREAD_MS) {
      readAt = performance.now();
      reading = source({ refresh });
      // A failed reading is not kept.
      reading.catch(() => {
        reading = undefined;
      });
    }
    return await reading;
  };
}

function credentialsOf(request: RequestOptions): Credentials {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers ?? {})) headers[name] = String(value);
  if (request.auth) headers["authorization"] = `Basic ${Buffer.from(request.auth).toString("base64")}`;
  return { headers, tls: tlsOf(request) };
}

function tlsOf({ ca, cert, key, rejectUnauthorized, servername }: RequestOptions): TlsOptions {
  return {
    ...(ca ? { ca: String(ca) } : {}),
    ...(cert ? { cert: String(cert) } : {}),
    ...(key ? { key: String(key) } : {}),
    ...(servername ? { serverName: servername } : {}),
    ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
  };
}
