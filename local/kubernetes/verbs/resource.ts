/** One request about a resource: finds the kind, picks the verb, puts the answer into the form that was asked for. */
import { type Kube, storeKey, type Target } from "../kube.ts";
import { podLog } from "../logs/pod-log.ts";
import type { KubeObject } from "../object.ts";
import { decodeProtobuf } from "../protobuf/decode.ts";
import { readObject } from "../request/body.ts";
import { decode } from "../request/decode.ts";
import { type ListOptions, listOptions } from "../request/list-options.ts";
import { type ResourcePath, resourcePath } from "../request/route.ts";
import { type WriteOptions, writeOptions } from "../request/write-options.ts";
import { json, jsonText } from "../respond/answer.ts";
import { encodeList, encodeObject } from "../respond/encode.ts";
import { formOf } from "../respond/media.ts";
import { badRequest, methodNotAllowed, noSuchPath, notFound } from "../status.ts";
import { watch } from "../watch/watch.ts";
import { createObject } from "./create.ts";
import { finalizeNamespace } from "./finalize.ts";
import { listObjects } from "./list.ts";
import { patchObject } from "./patch.ts";
import { checkDeleteBody, type DeleteOptions, deleteOptions, removalAnswer, removeObject } from "./remove.ts";
import { updateObject } from "./update.ts";

type Call = {
  readonly kube: Kube;
  readonly target: Target;
  readonly request: Request;
  readonly query: URLSearchParams;
};

export async function handleResource(kube: Kube, request: Request): Promise<Response> {
  const url = new URL(request.url);
  const path = resourcePath(url.pathname);
  if (!path) throw noSuchPath();
  const call = { kube, target: findTarget(kube, path), request, query: url.searchParams };
  if (call.target.subresource === "log") return podLog(call);
  if (call.target.subresource === "finalize") return finalize(call);
  return call.target.name === "" ? onCollection(call) : onObject(call);
}

function findTarget(kube: Kube, path: ResourcePath): Target {
  const kind = kube.registry.find(path.group, path.version, path.plural);
  if (!kind || (path.namespace !== "" && !kind.namespaced)) throw noSuchPath();
  if (kind.namespaced && path.namespace === "" && path.name !== "") throw noSuchPath();
  const known =
    path.subresource === "" ||
    (path.subresource === "status" && kind.statusSubresource) ||
    (path.subresource === "log" && kind.plural === "pods" && kind.group === "") ||
    (path.subresource === "finalize" && kind.plural === "namespaces" && kind.group === "");
  if (!known) throw noSuchPath();
  return { kind, namespace: path.namespace, name: path.name, subresource: path.subresource };
}

function onCollection(call: Call): Promise<Response> | Response {
  switch (call.request.method) {
    case "GET":
    case "HEAD":
      return list(call);
    case "POST":
      return create(call);
    case "DELETE":
      return removeAll(call);
    default:
      throw methodNotAllowed();
  }
}

function onObject(call: Call): Promise<Response> | Response {
  switch (call.request.method) {
    case "GET":
    case "HEAD":
      return get(call);
    case "PUT":
      return replace(call);
    case "PATCH":
      return patch(call);
    case "DELETE":
      if (call.target.subresource !== "") throw methodNotAllowed();
      return remove(call);
    default:
      throw methodNotAllowed();
  }
}

function list({ kube, target, request, query }: Call): Response {
  const options = listOptions(query, target.kind);
  const form = formOf(request, query);
  const { kind } = target;
  if (!options.watch) return jsonText(encodeList(listObjects(kube, target, options), form, { kind, now: kube.now() }));
  const encode = (object: KubeObject, first: boolean) => encodeObject(object, form, { kind, now: kube.now(), first });
  return new Response(watch(kube, target, options, encode), {
    headers: { "content-type": "application/json", "cache-control": "no-cache, private" },
  });
}

function get({ kube, target, request, query }: Call): Response {
  const { kind } = target;
  const key = storeKey(target);
  const stored = kube.store.collection(key.resource).get(key.namespace, key.name);
  if (!stored) throw notFound(kind, target.name);
  const object = kind.strategy.convert?.fromStored(stored) ?? stored;
  return jsonText(encodeObject(object, formOf(request, query), { kind, now: kube.now() }));
}

function optionsOf({ request, query }: Call): WriteOptions {
  return writeOptions(query, request.headers.get("user-agent"));
}

function written(call: Call, object: KubeObject, o: { code: number; warnings: readonly string[] }): Response {
  const { kind } = call.target;
  return jsonText(encodeObject(object, formOf(call.request, call.query), { kind, now: call.kube.now() }), o);
}

async function create(call: Call): Promise<Response> {
  const { kube, target, request } = call;
  if (target.kind.namespaced && target.namespace === "") throw methodNotAllowed();
  const options = optionsOf(call);
  const input = decode(await readObject(request, decodeProtobuf), target.kind, options);
  const object = await createObject(kube, target, input, options);
  return written(call, object, { code: 201, warnings: options.warnings });
}

async function replace(call: Call): Promise<Response> {
  const { kube, target, request } = call;
  const options = optionsOf(call);
  const input = decode(await readObject(request, decodeProtobuf), target.kind, options);
  if (input.metadata.name !== target.name) {
    throw badRequest(
      `the name of the object (${input.metadata.name}) does not match the name on the URL (${target.name})`,
    );
  }
  const own = input.metadata.namespace;
  if (own && own !== target.namespace) {
    throw badRequest("the namespace of the object does not match the namespace on the request");
  }
  const object = await updateObject(kube, target, () => ({ object: input }), options);
  return written(call, object, { code: 200, warnings: options.warnings });
}

async function finalize(call: Call): Promise<Response> {
  const { kube, target, request } = call;
  if (request.method !== "PUT") throw methodNotAllowed();
  const object = await finalizeNamespace(kube, target, await readObject(request, decodeProtobuf));
  return written(call, object, { code: 200, warnings: [] });
}

async function patch(call: Call): Promise<Response> {
  const { kube, target, request, query } = call;
  const options = optionsOf(call);
  if (request.headers.get("content-type")?.includes("apply-patch") && !query.get("fieldManager")) {
    throw badRequest(
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    );
  }
  const { object, created } = await patchObject(kube, target, request, options);
  return written(call, object, { code: created ? 201 : 200, warnings: options.warnings });
}

async function readDeleteOptions({ request, query }: Call): Promise<DeleteOptions> {
  const body = await readObject(request, decodeProtobuf);
  checkDeleteBody(body);
  return deleteOptions(body, query);
}

async function remove(call: Call): Promise<Response> {
  const { kube, target } = call;
  const removed = await removeObject(kube, target, await readDeleteOptions(call));
  return json(removalAnswer(removed, target.kind));
}

async function removeAll(call: Call): Promise<Response> {
  const { kube, target, query } = call;
  if (target.kind.namespaced && target.namespace === "") throw methodNotAllowed();
  const options = await readDeleteOptions(call);
  const wanted: ListOptions = listOptions(query, target.kind);
  const listed = listObjects(kube, target, wanted);
  const removals = listed.items.map((object) =>
    removeObject(kube, { ...target, name: object.metadata.name }, options).catch(ignoreGone),
  );
  await Promise.all(removals);
  return jsonText(encodeList(listed, { kind: "plain" }, { kind: target.kind, now: kube.now() }));
}

/** Somebody else was faster. */
function ignoreGone(error: unknown): void {
  if (error instanceof Error && "code" in error && error.code === 404) return;
  throw error;
}
