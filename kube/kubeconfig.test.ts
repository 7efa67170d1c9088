import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmod, mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestCertificates, testCertificates } from "#test/support/certificates.ts";
import { temporaryFolder } from "#test/support/folder.ts";
import { isUnreachable } from "./errors.ts";
import { NAMESPACES } from "./kinds.ts";
import { inClusterTransport, kubeconfigTransport } from "./kubeconfig.ts";
import { resourceApi } from "./resource.ts";
import type { Transport } from "./transport.ts";

/** Tells the caller whom it takes it for, by its `Authorization`. */
let server: TlsServer;
/** Speaks only to callers with a client certificate of our CA. */
let strict: TlsServer;
let certificates: TestCertificates;
const home = temporaryFolder("kubeconfig");
const folder = home.path;

beforeAll(async () => {
  certificates = await testCertificates();
  server = tlsServer({});
  strict = tlsServer({ requestCert: true, rejectUnauthorized: true });
});
afterAll(async () => {
  await Promise.all([server.stop(), strict.stop()]);
  home.remove();
});

type TlsServer = { readonly url: string; readonly port: number; readonly accepted: Set<string>; stop(): Promise<void> };

function tlsServer(tls: { requestCert?: boolean; rejectUnauthorized?: boolean }): TlsServer {
  const accepted = new Set<string>();
  const listener = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    tls: { ...certificates.server, ca: certificates.ca, ...tls },
    fetch(request) {
      const name = request.headers.get("authorization") ?? "certificate";
      const known = tls.requestCert || accepted.has(name);
      return Response.json({ metadata: { name } }, { status: known ? 200 : 401 });
    },
  });
  const { port = 0 } = listener;
  return { url: `https://127.0.0.1:${port}`, port, accepted, stop: () => listener.stop(true) };
}

/** Writes a kubeconfig with one user; answers its path. */
async function kubeconfig(user: object, cluster: object = {}): Promise<string> {
  const path = join(folder, `${crypto.randomUUID()}.yaml`);
  const base64 = Buffer.from(certificates.ca).toString("base64");
  const config = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "main",
    clusters: [{ name: "c", cluster: { server: server.url, "certificate-authority-data": base64, ...cluster } }],
    users: [{ name: "u", user }],
    contexts: [{ name: "main", context: { cluster: "c", user: "u", namespace: "tenant" } }],
  };
  await writeFile(path, JSON.stringify(config));
  return path;
}

const whoAmI = async (transport: Transport) => (await resourceApi(transport, NAMESPACES).get("me"))?.metadata.name;

describe("kubeconfigTransport()", () => {
  test("uses the cluster's CA and the user's client certificate", async () => {
    const base64 = (text: string) => Buffer.from(text).toString("base64");
    const { cert, key } = certificates.client;
    const user = { "client-certificate-data": base64(cert), "client-key-data": base64(key) };
    const path = await kubeconfig(user, { server: strict.url });
    const transport = await kubeconfigTransport({ path });
    expect(await whoAmI(transport)).toBe("certificate");
    expect(transport.namespace).toBe("tenant");
    expect(transport.server).toBe(strict.url);
    const without = await kubeconfigTransport({ path: await kubeconfig({}, { server: strict.url }) });
    expect(isUnreachable(await whoAmI(without).catch((error: unknown) => error))).toBe(true);
    expect((await kubeconfigTransport({ path, namespace: "other" })).namespace).toBe("other");
  });

  test("uses a token", async () => {
    server.accepted.add("Bearer static");
    expect(await whoAmI(await kubeconfigTransport({ path: await kubeconfig({ token: "static" }) }))).toBe(
      "Bearer static",
    );
  });

  test("reads a token file again when the server no longer takes what it had", async () => {
    const file = join(folder, "token");
    await writeFile(file, "first");
    server.accepted.add("Bearer first");
    const transport = await kubeconfigTransport({ path: await kubeconfig({ tokenFile: "token" }) });
    expect(await whoAmI(transport)).toBe("Bearer first");
    server.accepted.delete("Bearer first");
    server.accepted.add("Bearer second");
    await writeFile(file, "second");
    expect(await whoAmI(transport)).toBe("Bearer second");
  });

  test("runs an exec plug-in, and again when the server no longer takes its token", async () => {
    const script = join(folder, "plugin.sh");
    const tokenFile = join(folder, "exec-token");
    const credential =
      '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%s"}}';
    await writeFile(script, `#!/bin/sh\nprintf '${credential}' "$(cat ${tokenFile})"\n`);
    await chmod(script, 0o755);
    await writeFile(tokenFile, "exec-1");
    server.accepted.add("Bearer exec-1");
    const exec = { apiVersion: "client.authentication.k8s.io/v1", command: script, interactiveMode: "Never" };
    const transport = await kubeconfigTransport({ path: await kubeconfig({ exec }) });
    expect(await whoAmI(transport)).toBe("Bearer exec-1");
    server.accepted.delete("Bearer exec-1");
    server.accepted.add("Bearer exec-2");
    await writeFile(tokenFile, "exec-2");
    expect(await whoAmI(transport)).toBe("Bearer exec-2");
  });

  test("refuses a server whose certificate the CA did not sign, unless told not to look", async () => {
    const foreign = Buffer.from((await testCertificates()).ca).toString("base64");
    const careful = await kubeconfigTransport({
      path: await kubeconfig({ token: "static" }, { "certificate-authority-data": foreign }),
    });
    const error = await whoAmI(careful).catch((error: unknown) => error);
    expect(isUnreachable(error)).toBe(true);
    const lax = await kubeconfig(
      { token: "static" },
      { "certificate-authority-data": undefined, "insecure-skip-tls-verify": true },
    );
    expect(await whoAmI(await kubeconfigTransport({ path: lax }))).toBe("Bearer static");
  });

  test("says which context is missing", async () => {
    const path = await kubeconfig({ token: "static" });
    await expect(kubeconfigTransport({ path, context: "nowhere" })).rejects.toThrow("context 'nowhere'");
  });
});

describe("inClusterTransport()", () => {
  test("uses the service account's files and reads the token again after a 401", async () => {
    const account = await mkdtemp(join(folder, "account-"));
    await writeFile(join(account, "ca.crt"), certificates.ca);
    await writeFile(join(account, "namespace"), "tenant-a\n");
    await writeFile(join(account, "token"), "pod-1\n");
    server.accepted.add("Bearer pod-1");
    const env = { KUBERNETES_SERVICE_HOST: "127.0.0.1", KUBERNETES_SERVICE_PORT: String(server.port) };
    const transport = await inClusterTransport({ folder: account, env });
    expect(transport.namespace).toBe("tenant-a");
    expect(await whoAmI(transport)).toBe("Bearer pod-1");
    server.accepted.delete("Bearer pod-1");
    server.accepted.add("Bearer pod-2");
    await writeFile(join(account, "token"), "pod-2\n");
    expect(await whoAmI(transport)).toBe("Bearer pod-2");
  });

  test("says so when it does not run in a cluster", async () => {
    await expect(inClusterTransport({ env: {} })).rejects.toThrow("KUBERNETES_SERVICE_HOST is not set");
  });
});
