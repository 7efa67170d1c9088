/**
 * Objects and lists as text, in the form that the client asked for.
 * The text of an object is made once and kept beside it: lists, watches and hundreds of watchers share it.
 */
import type { Fields, KubeObject } from "../object.ts";
import { apiVersionOf, type Kind } from "../resources/kind.ts";
import { tableText } from "../table/table.ts";
import { type Listed, listMetadata } from "../verbs/list.ts";
import type { Form } from "./media.ts";

const texts = new WeakMap<object, string>();

/** JSON of an object, kept for as long as the object lives. */
export function objectText(object: KubeObject): string {
  let text = texts.get(object);
  if (text === undefined) {
    text = JSON.stringify(object);
    texts.set(object, text);
  }
  return text;
}

function metadataOnly(object: KubeObject): Fields {
  return { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: object.metadata };
}

export function encodeObject(object: KubeObject, form: Form, o: { kind: Kind; now: Date; first?: boolean }): string {
  switch (form.kind) {
    case "plain":
      return objectText(object);
    case "metadata":
      return JSON.stringify(metadataOnly(object));
    case "table": {
      // Rows of a watch carry the column definitions once, with the first event.
      const metadata = { resourceVersion: object.metadata.resourceVersion ?? "" };
      return tableText([object], { ...o, metadata, include: form.include, columns: o.first ?? true });
    }
    default:
      throw new Error(form satisfies never);
  }
}

export function encodeList(listed: Listed, form: Form, o: { kind: Kind; now: Date }): string {
  const metadata = listMetadata(listed);
  switch (form.kind) {
    case "plain":
      return listText(o.kind.listKind, apiVersionOf(o.kind), metadata, listed.items.map(objectText));
    case "metadata": {
      const items = listed.items.map((object) => JSON.stringify(metadataOnly(object)));
      return listText("PartialObjectMetadataList", "meta.k8s.io/v1", metadata, items);
    }
    case "table":
      return tableText(listed.items, { ...o, metadata, include: form.include, columns: true });
    default:
      throw new Error(form satisfies never);
  }
}

function listText(kind: string, apiVersion: string, metadata: Fields, items: readonly string[]): string {
  const head = JSON.stringify({ kind, apiVersion, metadata });
  return `${head.slice(0, -1)},"items":[${items.join(",")}]}`;
}
