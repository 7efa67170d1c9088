/**
 * The few controllers that belong to the server itself: a namespace or a definition that is deleted takes its content along, and events go after an hour.
 * Everything else that a cluster's controllers do (Jobs, owner references) is done from outside, by clients.
 */
import type { Kube } from "../kube.ts";
import { storeKey } from "../kube.ts";
import { fieldsOf, type KubeObject } from "../object.ts";
import { NAMESPACES } from "../resources/core-kinds.ts";
import { CLEANUP, DEFINITIONS } from "../resources/definition-kind.ts";
import { eventTime } from "../resources/event-kinds.ts";
import type { Kind } from "../resources/kind.ts";
import { ApiError } from "../status.ts";
import { removeObject } from "../verbs/remove.ts";

/** How often deletions that wait for something are looked at again. */
const AGAIN_MS = 250;
const SWEEP_MS = 60_000;
const EVENT_LIFETIME_MS = 60 * 60 * 1000;

/** Works until `stop`, which waits for what was begun. */
export function startUpkeep(kube: Kube): { stop(): Promise<void> } {
  let stopped = false;
  let running: Promise<void> = Promise.resolve();
  let again: ReturnType<typeof setTimeout> | undefined;
  const forget = new Map<Kind, () => void>();

  function wake(): void {
    running = running
      .then(pass)
      .catch((error: unknown) => kube.logger.error({ err: error }, "Cannot finish deletions"));
  }

  async function pass(): Promise<void> {
    if (stopped) return;
    clearTimeout(again);
    const waiting = [...(await finishNamespaces(kube)), ...(await finishDefinitions(kube))];
    if (waiting.some((left) => left)) again = setTimeout(wake, AGAIN_MS);
  }

  function listen(kind: Kind): void {
    const onNext = () => {
      listen(kind);
      wake();
    };
    forget.set(kind, kube.store.collection(kind.storage).log.onNext(onNext));
  }

  listen(NAMESPACES);
  listen(DEFINITIONS);
  wake();
  const sweep = setInterval(() => {
    running = running
      .then(() => removeOldEvents(kube))
      .catch((error: unknown) => kube.logger.error({ err: error }, "Cannot remove old events"));
  }, SWEEP_MS);
  return {
    async stop() {
      stopped = true;
      clearInterval(sweep);
      clearTimeout(again);
      for (const cancel of forget.values()) cancel();
      await running;
    },
  };
}

function doomed(kube: Kube, kind: Kind): readonly KubeObject[] {
  return kube.store
    .collection(kind.storage)
    .list("")
    .filter((object) => object.metadata.deletionTimestamp !== undefined);
}

/** Deletes all objects of a kind in a namespace (of all with ""); whether some are still there. */
async function empty(kube: Kube, kind: Kind, namespace: string): Promise<boolean> {
  const collection = kube.store.collection(kind.storage);
  const fresh = collection.list(namespace).filter((object) => object.metadata.deletionTimestamp === undefined);
  await Promise.all(fresh.map((object) => remove(kube, kind, object)));
  return collection.list(namespace).length > 0;
}

async function remove(kube: Kube, kind: Kind, object: KubeObject): Promise<void> {
  const target = { kind, namespace: object.metadata.namespace ?? "", name: object.metadata.name, subresource: "" };
  try {
    await removeObject(kube, target, { dryRun: false, propagation: "Background" });
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 404) throw error;
  }
}

/** For each namespace on its way out: whether something still holds it. */
async function finishNamespaces(kube: Kube): Promise<readonly boolean[]> {
  return Promise.all(
    doomed(kube, NAMESPACES).map(async ({ metadata: { name } }) => {
      await terminate(kube, name);
      const kinds = kube.registry.all().filter((kind) => kind.namespaced);
      const left = await Promise.all(kinds.map((kind) => empty(kube, kind, name)));
      if (left.includes(true)) return true;
      await write(kube, NAMESPACES, name, () => undefined);
      return false;
    }),
  );
}

function terminate(kube: Kube, name: string): Promise<void> {
  return write(kube, NAMESPACES, name, (object) => {
    const status = fieldsOf(object["status"]);
    return status["phase"] === "Terminating" ? object : { ...object, status: { ...status, phase: "Terminating" } };
  });
}

async function finishDefinitions(kube: Kube): Promise<readonly boolean[]> {
  return Promise.all(
    doomed(kube, DEFINITIONS).map(async ({ metadata }) => {
      const kind = kube.registry.all().find((candidate) => !candidate.builtin && candidate.storage === metadata.name);
      if (kind && (await empty(kube, kind, ""))) return true;
      const others = (metadata.finalizers ?? []).filter((finalizer) => finalizer !== CLEANUP);
      await write(kube, DEFINITIONS, metadata.name, (object) =>
        others.length > 0 ? { ...object, metadata: { ...object.metadata, finalizers: others } } : undefined,
      );
      return false;
    }),
  );
}

/** Writes what `change` makes of the object, `undefined` removing it; nothing when it is the same or gone. */
async function write(
  kube: Kube,
  kind: Kind,
  name: string,
  change: (object: KubeObject) => KubeObject | undefined,
): Promise<void> {
  const key = storeKey({ kind, namespace: "", name });
  await kube.store.exclusive(key, async () => {
    const object = kube.store.collection(key.resource).get("", name);
    if (!object) return;
    const next = change(object);
    if (next !== object) await kube.store.commit(key, next);
  });
}

async function removeOldEvents(kube: Kube): Promise<void> {
  const kind = kube.registry.find("", "v1", "events");
  if (!kind) return;
  const limit = kube.now().getTime() - EVENT_LIFETIME_MS;
  const old = kube.store
    .collection(kind.storage)
    .list("")
    .filter((event) => eventTime(event) < limit);
  for (const event of old) await remove(kube, kind, event);
}
