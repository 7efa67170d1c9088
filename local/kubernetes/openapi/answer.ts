/** `/openapi/v3`: the index of documents, and each document, made when first asked for and kept until the kinds change. */

import type { Registry } from "../resources/registry.ts";
import { json, jsonText } from "../respond/answer.ts";
import { noSuchPath } from "../status.ts";
import { openApiDocument } from "./document.ts";

const documents = new WeakMap<Registry, { revision: number; texts: Map<string, string> }>();

function textsOf(registry: Registry): Map<string, string> {
  let kept = documents.get(registry);
  if (kept?.revision !== registry.revision) {
    kept = { revision: registry.revision, texts: new Map() };
    documents.set(registry, kept);
  }
  return kept.texts;
}

function pathOf({ group, version }: { group: string; version: string }): string {
  return group === "" ? `api/${version}` : `apis/${group}/${version}`;
}

/** The revision stands for the hash that a client may cache a document by; it also names this process's start. */
export function openApiAnswer(registry: Registry, pathname: string, started: string): Response {
  const place = pathname.replace(/^\/openapi\/v3\/?/, "");
  const places = registry.groupVersions();
  if (place === "") {
    const paths = places.map((entry) => {
      const path = pathOf(entry);
      return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${started}${registry.revision}` }];
    });
    return json({ paths: Object.fromEntries(paths) });
  }
  const found = places.find((entry) => pathOf(entry) === place);
  if (!found) throw noSuchPath();
  const texts = textsOf(registry);
  const text = texts.get(place) ?? JSON.stringify(openApiDocument(registry.of(found.group, found.version)));
  texts.set(place, text);
  return jsonText(text);
}
