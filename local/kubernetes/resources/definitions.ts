/** Keeps the registry in step with the CustomResourceDefinitions in the store. */
import type { Logger } from "pino";
import type { KubeObject } from "../object.ts";
import type { ObjectStore } from "../storage/store.ts";
import { customKinds } from "./custom-kind.ts";
import { DEFINITIONS } from "./definition-kind.ts";
import { resourceName } from "./kind.ts";
import type { Registry } from "./registry.ts";

/** Serves what is defined now and, until `stop`, whatever will be. */
export function followDefinitions(store: ObjectStore, registry: Registry, logger: Logger): { stop(): void } {
  const collection = store.collection(DEFINITIONS.storage);
  const served = new Map<string, KubeObject>();
  let forget = () => {};

  function sync(): void {
    const now = collection.list("");
    for (const definition of now) {
      if (served.get(definition.metadata.name) === definition) continue;
      served.set(definition.metadata.name, definition);
      serve(definition);
    }
    for (const name of served.keys()) {
      if (now.some((definition) => definition.metadata.name === name)) continue;
      served.delete(name);
      withdraw(name);
    }
    // Called while the write is published, so a client that got its answer finds the new kind.
    forget = collection.log.onNext(sync);
  }

  function withdraw(name: string): void {
    const found = registry.all().find((kind) => !kind.builtin && resourceName(kind) === name);
    if (found) registry.remove(found.group, found.plural);
  }

  function serve(definition: KubeObject): void {
    try {
      const kinds = customKinds(definition);
      withdraw(definition.metadata.name);
      for (const kind of kinds) registry.add(kind);
    } catch (error) {
      logger.error({ err: error, name: definition.metadata.name }, "Cannot serve a custom resource");
    }
  }

  sync();
  return { stop: () => forget() };
}
