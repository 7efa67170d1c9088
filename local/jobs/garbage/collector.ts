/**
 * The garbage collector of one namespace: follows all kinds and carries out what owner references ask for. That an owner is gone is believed
 * only after a live look at its name and UID; every deletion names the UID of what it means.
 */
import type { Logger } from "pino";
import type { Change } from "#kube/cache.ts";
import { controller, type Outcome } from "#kube/controller.ts";
import { isNotFound } from "#kube/errors.ts";
import type { WorkQueue } from "#kube/queue.ts";
import { type Reflector, reflector } from "#kube/reflector.ts";
import { apiVersionOf, type KubeObject, type OwnerReference, type ResourceApi, resourceApi } from "#kube/resource.ts";
import type { Transport } from "#kube/transport.ts";
import { type Discovered, discover } from "./discovery.ts";
import { type GarbageAction, type OwnerState, planGarbage, waitsForDependents } from "./plan.ts";

export type CollectorOptions = {
  readonly transport: Transport;
  readonly namespace: string;
  readonly queue: WorkQueue;
  readonly now: () => Date;
  readonly random: () => number;
  readonly logger: Logger;
};

const UID = "uid";
const OWNER = "owner";
const CONCURRENCY = 4;
/** How often new kinds (a CustomResourceDefinition was applied) are looked for. */
const DISCOVER_MS = 30_000;

type Followed = { readonly api: ResourceApi<KubeObject>; readonly reflector: Reflector<KubeObject> };

export class Collector {
  readonly #options: CollectorOptions;
  readonly #followed = new Map<string, Followed>();
  #types: readonly Discovered[] = [];

  constructor(options: CollectorOptions) {
    this.#options = options;
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { logger, queue } = this.#options;
    const running: Promise<void>[] = [];
    const look = async () => {
      try {
        for (const start of await this.#followNew(signal)) running.push(start);
      } catch (error) {
        if (!signal.aborted) logger.warn({ err: error }, "cannot discover kinds, trying again");
      }
    };
    await look();
    const timer = setInterval(() => void look(), DISCOVER_MS);
    const reconcile = (uid: string) => this.#reconcile(uid);
    await controller({ name: "garbage", queue, concurrency: CONCURRENCY, logger, reconcile }).run(signal);
    clearInterval(timer);
    await Promise.all(running);
  }

  /** Follows the kinds that are not followed yet. */
  async #followNew(signal: AbortSignal): Promise<readonly Promise<void>[]> {
    this.#types = await discover(this.#options.transport, signal);
    const fresh = this.#types.filter((type) => isFollowed(type) && !this.#followed.has(keyOf(type)));
    return fresh.map((type) => {
      const api = this.#api(type);
      const followed = reflector(api, {
        ...this.#options,
        indexes: {
          [UID]: (object) => [object.metadata.uid ?? ""],
          [OWNER]: (object) => (object.metadata.ownerReferences ?? []).map((owner) => owner.uid),
        },
        onChange: (change) => this.#see(change),
      });
      this.#followed.set(keyOf(type), { api, reflector: followed });
      return followed.run(signal);
    });
  }

  #api(type: Discovered): ResourceApi<KubeObject> {
    return resourceApi(this.#options.transport, type, { namespace: this.#options.namespace });
  }

  /** A change of an object concerns itself, its owners (which may wait for it, or be forgotten) and, when it goes, its dependents. */
  #see(change: Change<KubeObject>): void {
    const { queue } = this.#options;
    const { metadata } = change.now ?? change.before;
    const owners = [...ownersOf(change.before), ...ownersOf(change.now)];
    const going = change.kind === "deleted" || metadata.deletionTimestamp !== undefined;
    const uid = metadata.uid ?? "";
    if (change.kind !== "deleted" && (going || owners.length > 0)) queue.add(uid);
    const reowned = change.kind === "updated" && !Bun.deepEquals(ownersOf(change.before), ownersOf(change.now));
    if (going || reowned) for (const owner of owners) queue.add(owner);
    if (going) for (const { object } of this.#dependents(uid)) queue.add(object.metadata.uid ?? "");
  }

  #find(uid: string): { object: KubeObject; api: ResourceApi<KubeObject> } | undefined {
    for (const { api, reflector } of this.#followed.values()) {
      const [object] = reflector.cache.by(UID, uid);
      if (object) return { object, api };
    }
    return undefined;
  }

  #dependents(uid: string): readonly { object: KubeObject; api: ResourceApi<KubeObject> }[] {
    return [...this.#followed.values()].flatMap(({ api, reflector }) =>
      reflector.cache.by(OWNER, uid).map((object) => ({ object, api })),
    );
  }

  async #reconcile(uid: string): Promise<Outcome> {
    const found = this.#find(uid);
    if (!found) return { kind: "done" };
    const states = new Map<string, OwnerState>();
    for (const owner of found.object.metadata.ownerReferences ?? [])
      states.set(owner.uid, await this.#ownerState(owner));
    const dependents = this.#dependents(uid);
    const actions = planGarbage(found.object, {
      ownerState: (owner) => states.get(owner.uid) ?? "there",
      dependents: dependents.map(({ object }) => object),
    });
    const apis = new Map(dependents.map(({ object, api }) => [object.metadata.uid, api]));
    for (const action of actions) await this.#carryOut(action, apis.get(action.object.metadata.uid) ?? found.api);
    return { kind: "done" };
  }

  async #ownerState(owner: OwnerReference): Promise<OwnerState> {
    const known = this.#find(owner.uid);
    if (known) return waitsForDependents(known.object) ? "waiting" : "there";
    const type = this.#types.find((one) => one.kind === owner.kind && apiVersionOf(one) === owner.apiVersion);
    // A kind that nobody knows: nothing can be said about its objects.
    if (!type) return "there";
    const live = await this.#api(type).get(owner.name);
    return live?.metadata.uid === owner.uid ? "there" : "gone";
  }

  async #carryOut(action: GarbageAction, api: ResourceApi<KubeObject>): Promise<void> {
    const { name, uid = "", resourceVersion, finalizers = [], ownerReferences = [] } = action.object.metadata;
    const change = (metadata: object) => api.patch(name, { metadata: { uid, resourceVersion, ...metadata } });
    try {
      switch (action.kind) {
        case "delete":
          await api.delete(name, { uid, propagation: action.propagation });
          return;
        case "forget":
          await change({ ownerReferences: ownerReferences.filter((owner) => !action.owners.includes(owner)) });
          return;
        case "unblock":
          await change({ finalizers: finalizers.filter((finalizer) => finalizer !== action.finalizer) });
          return;
        default:
          action satisfies never;
      }
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

function ownersOf(object: KubeObject | undefined): readonly string[] {
  return (object?.metadata.ownerReferences ?? []).map((owner) => owner.uid);
}

/** Events are many and own nothing. */
function isFollowed(type: Discovered): boolean {
  return type.clusterScoped !== true && type.plural !== "events";
}

function keyOf(type: Discovered): string {
  return `${type.group}/${type.version}/${type.plural}`;
}
