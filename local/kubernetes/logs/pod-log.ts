/** `GET pods/{name}/log`: the output of a pod, from whoever runs it. */
import { type Kube, storeKey, type Target } from "../kube.ts";
import { at, type KubeObject, listOf } from "../object.ts";
import { badRequest, methodNotAllowed, notFound, unavailable } from "../status.ts";
import type { PodLogOptions } from "./pod-logs.ts";

type Call = {
  readonly kube: Kube;
  readonly target: Target;
  readonly request: Request;
  readonly query: URLSearchParams;
};

export async function podLog({ kube, target, request, query }: Call): Promise<Response> {
  if (request.method !== "GET") throw methodNotAllowed();
  const key = storeKey(target);
  const pod = kube.store.collection(key.resource).get(key.namespace, key.name);
  if (!pod) throw notFound(target.kind, target.name);
  if (!kube.podLogs) throw unavailable("no pods run here, so there are no logs");
  const container = chooseContainer(pod, query.get("container") || undefined);
  const stream = await kube.podLogs.open(target.namespace, target.name, container, logOptions(query));
  return new Response(stream, { headers: { "content-type": "text/plain" } });
}

function chooseContainer(pod: KubeObject, asked: string | undefined): string | undefined {
  const names = [...listOf(at(pod, "spec", "initContainers")), ...listOf(at(pod, "spec", "containers"))].map(
    (container) => String(at(container, "name")),
  );
  if (asked !== undefined) {
    if (!names.includes(asked)) throw badRequest(`container ${asked} is not valid for pod ${pod.metadata.name}`);
    return asked;
  }
  if (names.length > 1) {
    throw badRequest(
      `a container name must be specified for pod ${pod.metadata.name}, choose one of: [${names.join(" ")}]`,
    );
  }
  return names[0];
}

function whole(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === "") return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0)
    throw badRequest(`${name}: Invalid value: ${JSON.stringify(text)}: must be a whole number`);
  return value;
}

function logOptions(query: URLSearchParams): PodLogOptions {
  const tailLines = whole(query, "tailLines");
  const limitBytes = whole(query, "limitBytes");
  const sinceSeconds = whole(query, "sinceSeconds");
  const since = query.get("sinceTime");
  return {
    follow: query.get("follow") === "true",
    previous: query.get("previous") === "true",
    timestamps: query.get("timestamps") === "true",
    ...(tailLines !== undefined && { tailLines }),
    ...(limitBytes !== undefined && { limitBytes }),
    ...(sinceSeconds !== undefined && { sinceSeconds }),
    ...(since && { sinceTime: new Date(since) }),
  };
}
