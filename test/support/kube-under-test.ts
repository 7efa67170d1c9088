/**
 * The Kubernetes API that the conformance tests speak to: the local one over TLS, or, where TEST_KUBECONFIG names one, a real one.
 * Each test file gets namespaces of its own, so that one server can serve them all.
 */
import { join } from "node:path";
import { pino } from "pino";
import { customResourceDefinitions } from "#crds/definitions.ts";
import { kubeconfigTransport } from "#kube/kubeconfig.ts";
import type { Transport } from "#kube/transport.ts";
import { localKubernetes } from "#local/kubernetes/server.ts";
import { memoryJournal } from "#local/kubernetes/storage/journal.ts";
import { temporaryFolder } from "./folder.ts";

// biome-ignore lint/suspicious/noExplicitAny: bodies are looked into field by field, and a wrong guess fails the test
export type Body = any;
export type Answer = { readonly code: number; readonly body: Body; readonly headers: Headers };

export type KubeUnderTest = {
  /** Whether it is the local one. */
  readonly local: boolean;
  readonly transport: Transport;
  readonly kubeconfig: string;
  readonly namespace: string;
  request(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** Lines of a watch, until as many have come. */
  watch(path: string, count: number): Promise<Body[]>;
  stop(): Promise<void>;
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

export async function kubeUnderTest(label: string): Promise<KubeUnderTest> {
  const given = process.env["TEST_KUBECONFIG"];
  const folder = temporaryFolder(label);
  const namespace = `${label}-${crypto.randomUUID().slice(0, 8)}`;
  const kubeconfig = given ?? join(folder.path, "kubeconfig");
  const logger = pino({ level: process.env["TEST_LOG_LEVEL"] ?? "silent" });
  const server = given
    ? undefined
    : await localKubernetes({ journal: memoryJournal(), now: () => new Date(), logger, podLogs });
  const listener = await server?.listen({ host: "127.0.0.1", port: 0, folder: join(folder.path, "kubernetes") });
  await listener?.writeKubeconfig(kubeconfig);
  const transport = await kubeconfigTransport({ path: kubeconfig, namespace });
  const request = requester(transport);
  await request("POST", "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
  if (given) await installDefinitions(request);
  return {
    local: server !== undefined,
    transport,
    kubeconfig,
    namespace,
    request,
    watch: (path, count) => watchLines(transport, path, count),
    async stop() {
      await request("DELETE", `/api/v1/namespaces/${namespace}`);
      await server?.stop();
      folder.remove();
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

async function installDefinitions(request: KubeUnderTest["request"]): Promise<void> {
  for (const definition of customResourceDefinitions()) {
    const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${definition.metadata.name}`;
    await request("PATCH", `${path}?fieldManager=test&force=true`, definition, {
      "content-type": "application/apply-patch+yaml",
    });
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
