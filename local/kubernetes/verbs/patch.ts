/** The four kinds of patch, told apart by the content type; an apply patch may also make the object. */
import { applyConfiguration } from "../apply/apply.ts";
import type { Kube, Target } from "../kube.ts";
import { isFields, type KubeObject } from "../object.ts";
import { jsonPatch } from "../patch/json-patch.ts";
import { mergePatch } from "../patch/merge-patch.ts";
import { strategicPatch } from "../patch/strategic-patch.ts";
import { mediaType, parseJson, parseYaml, readBody } from "../request/body.ts";
import { decode, pruneObject } from "../request/decode.ts";
import type { WriteOptions } from "../request/write-options.ts";
import { ApiError, badRequest, invalid, notFound, unsupportedMediaType } from "../status.ts";
import { createObject } from "./create.ts";
import { type Changed, updateObject } from "./update.ts";

export const PATCH_TYPES = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
  "application/apply-patch+yaml",
] as const;

export type Patched = { readonly object: KubeObject; readonly created: boolean };

export async function patchObject(
  kube: Kube,
  target: Target,
  request: Request,
  options: WriteOptions,
): Promise<Patched> {
  const type = mediaType(request);
  const text = new TextDecoder().decode(await readBody(request));
  switch (type) {
    case "application/json-patch+json": {
      const patch = parseJson(text);
      return changed(kube, target, options, (before) => jsonPatch(before, patch));
    }
    case "application/merge-patch+json": {
      const patch = parseJson(text);
      return changed(kube, target, options, (before) => mergePatch(before, patch));
    }
    case "application/strategic-merge-patch+json": {
      if (!target.kind.builtin) throw unsupportedMediaType(PATCH_TYPES.filter((name) => name !== type));
      const patch = parseJson(text);
      return changed(kube, target, options, (before) => strategicPatch(before, patch, target.kind.schema));
    }
    case "application/apply-patch+yaml":
      return apply(kube, target, parseYaml(text), options);
    default:
      throw unsupportedMediaType(PATCH_TYPES);
  }
}

async function changed(
  kube: Kube,
  target: Target,
  options: WriteOptions,
  patch: (before: KubeObject) => unknown,
): Promise<Patched> {
  const change = (before: KubeObject): Changed => ({
    object: withUid(readable(patch(before), target, options), before, target),
  });
  return { object: await updateObject(kube, target, change, options), created: false };
}

/** Unlike that of a replace, a patch's UID is no precondition: another one is a change that is refused, and ignored in a patch of the status. */
function withUid(object: KubeObject, before: KubeObject, { kind, name, subresource }: Target): KubeObject {
  const { uid } = object.metadata;
  if (subresource === "" && uid !== undefined && uid !== before.metadata.uid) {
    const message = `Invalid value: "${uid}": field is immutable`;
    throw invalid(kind, name, [{ reason: "FieldValueInvalid", message, field: "metadata.uid" }]);
  }
  const own = before.metadata.uid === undefined ? {} : { uid: before.metadata.uid };
  return { ...object, metadata: { ...object.metadata, ...own } };
}

/** The patched value as an object of the kind; unknown fields are a 422 here when the request is strict. */
function readable(value: unknown, { kind, name }: Target, options: WriteOptions): KubeObject {
  if (!isFields(value) || !isFields(value["metadata"]))
    throw badRequest("the patch does not leave an object with metadata");
  const metadata = value["metadata"];
  if (metadata["name"] !== name) throw badRequest("the name of the object cannot be changed by a patch");
  const unknown: string[] = [];
  const object = pruneObject(
    { ...value, apiVersion: String(value["apiVersion"]), kind: String(value["kind"]), metadata: { ...metadata, name } },
    kind,
    unknown,
  );
  const texts = unknown.map((path) => `unknown field "${path}"`);
  if (texts.length > 0 && options.fieldValidation === "Strict") {
    const message = `Invalid value: "": strict decoding error: ${texts.join(", ")}`;
    throw invalid(kind, name, [{ reason: "FieldValueInvalid", message, field: "patch" }]);
  }
  if (options.fieldValidation === "Warn") options.warnings.push(...texts);
  return object;
}

async function apply(kube: Kube, target: Target, body: unknown, options: WriteOptions): Promise<Patched> {
  const { kind } = target;
  const config = decode(body, kind, options);
  if (config.metadata.name !== "" && config.metadata.name !== target.name) {
    throw badRequest(`name in URL does not match name in apply configuration: ${target.name}, ${config.metadata.name}`);
  }
  const named = { ...config, metadata: { ...config.metadata, name: target.name } };
  const applyOptions = {
    kind,
    manager: options.fieldManager,
    subresource: target.subresource,
    force: options.force,
    now: kube.now(),
  };
  try {
    const change = (before: KubeObject): Changed => applyConfiguration(before, named, applyOptions);
    return { object: await updateObject(kube, target, change, options), created: false };
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 404 || target.subresource !== "") throw error;
  }
  if (config.metadata.uid) throw notFound(kind, target.name);
  const { object, managedFields } = applyConfiguration(undefined, named, applyOptions);
  return { object: await createObject(kube, target, object, { ...options, managedFields }), created: true };
}
