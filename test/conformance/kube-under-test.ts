/**
 * The Kubernetes APIs that the conformance tests speak to: the local one over TLS, and a real one: the test bed's, or the one that TEST_KUBECONFIG names.
 * Each test file gets a namespace of its own, so that one server can serve them all.
 */
import { describe } from "bun:test";
import { join } from "node:path";
import { pino } from "pino";
import { customResourceDefinitions } from "#crds/definitions.ts";
import { kubeconfigTransport } from "#kube/kubeconfig.ts";
import type { Transport } from "#kube/transport.ts";
import { localKubernetes } from "#local/kubernetes/server.ts";
import { memoryJournal } from "#local/kubernetes/storage/journal.ts";
import { clusterUnderTest } from "#test/support/cluster.ts";
import { eventually } from "#test/support/eventually.ts";
import { temporaryFolder } from "#test/support/folder.ts";

const REAL = process.env["TEST_KUBECONFIG"] ?? clusterUnderTest()?.kubeconfig;

// biome-ignore lint/suspicious/noExplicitAny: bodies are looked into field by field, and a wrong guess fails the test
export type Body = any;
export type Answer = { readonly code: number; readonly body: Body; readonly headers: Headers };

export type KubeUnderTest = {
  readonly transport: Transport;
  readonly kubeconfig: string;
  readonly namespace: string;
  request(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** Lines of a watch, until as many have come. */
  watch(path: string, count: number): Promise<Body[]>;
  stop(): Promise<void>;
};

export type KubeOpener = {
  /** Whether it is the local one. */
  readonly local: boolean;
  open(label: string): Promise<KubeUnderTest>;
};

const encoder = new TextEncoder();

/** Each pod says one line per container, whoever asks. */
const podLogs = {
  open: async (_namespace: string, pod: string, container: string | undefined) =>
    new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(encoder.encode(`output of ${pod}/${container}\n`));
        controller.close();
      },
    }),
};

/** The same suite for both; the real one is skipped where this run has none, which `test/run.ts` has told. */
export function onEachKubernetes(suite: (kube: KubeOpener) => void): void {
  describe("on the local Kubernetes", () => suite({ local: true, open: openLocal }));
  describe.skipIf(!REAL)("on a real Kubernetes", () => suite({ local: false, open: openReal }));
}

async function openLocal(label: string): Promise<KubeUnderTest> {
  const folder = temporaryFolder(label);
  const kubeconfig = join(folder.path, "kubeconfig");
  const logger = pino({ level: process.env["TEST_LOG_LEVEL"] ?? "silent" });
  const server = await localKubernetes({ journal: memoryJournal(), now: () => new Date(), logger, podLogs });
  const listener = await server.listen({ host: "127.0.0.1", port: 0, folder: join(folder.path, "kubernetes") });
  await listener.writeKubeconfig(kubeconfig);
  return open(label, kubeconfig, async () => {
    await server.stop();
    folder.remove();
  });
}

async function openReal(label: string): Promise<KubeUnderTest> {
  const kube = await open(label, REAL ?? "", async () => {});
  await installDefinitions(kube);
  return kube;
}

async function open(label: string, kubeconfig: string, close: () => Promise<void>): Promise<KubeUnderTest> {
  const namespace = `${label}-${crypto.randomUUID().slice(0, 8)}`;
  const transport = await kubeconfigTransport({ path: kubeconfig, namespace });
  const request = requester(transport);
  await request("POST", "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
  return {
    transport,
    kubeconfig,
    namespace,
    request,
    watch: (path, count) => watchLines(transport, path, count),
    async stop() {
      await request("DELETE", `/api/v1/namespaces/${namespace}`);
      await close();
    },
  };
}

function requester(transport: Transport): KubeUnderTest["request"] {
  return async (method, path, body, headers = {}) => {
    const response = await transport.fetch(path, {
      method,
      headers: { "content-type": method === "PATCH" ? "application/merge-patch+json" : "application/json", ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { code: response.status, body: text.startsWith("{") ? JSON.parse(text) : text, headers: response.headers };
  };
}

/** The definitions as they are installed on a cluster, and only when the server serves them the rest may begin. */
async function installDefinitions({ request }: KubeUnderTest): Promise<void> {
  for (const definition of customResourceDefinitions()) {
    const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${definition.metadata.name}`;
    await request("PATCH", `${path}?fieldManager=test&force=true`, definition, {
      "content-type": "application/apply-patch+yaml",
    });
    const served = `/apis/${definition.spec.group}/v1alpha1/${definition.spec.names.plural}`;
    await eventually(`'${served}' is served`, async () => (await request("GET", served)).code === 200);
  }
}

async function watchLines(transport: Transport, path: string, count: number): Promise<Body[]> {
  const stop = new AbortController();
  const response = await transport.fetch(path, { method: "GET", long: true, signal: stop.signal });
  const decoder = new TextDecoder();
  const events: Body[] = [];
  let rest = "";
  for await (const chunk of response.body ?? []) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    events.push(...lines.filter((line) => line.trim() !== "").map((line) => JSON.parse(line)));
    if (events.length >= count) break;
  }
  stop.abort();
  return events;
}
