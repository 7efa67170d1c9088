/**
 * Server-side apply: the configuration is all that its manager wants. What it says is set, what it said before and says no more is removed
 * (unless another manager speaks of it too), and what others own with a different value is a conflict, or taken over with `force`.
 */
import { isFields, type KubeObject, kubeTime, type Metadata } from "../object.ts";
import { apiVersionOf, type Kind } from "../resources/kind.ts";
import { applyConflict, badRequest, type Cause } from "../status.ts";
import { difference, EMPTY, type FieldSet, intersection, isEmpty, places, sameSet, union } from "./field-set.ts";
import {
  compareObjects,
  isManager,
  type Manager,
  ownable,
  ownedSchema,
  readManagers,
  writeManagers,
} from "./managed-fields.ts";
import { dropAbandoned, mergeApplied } from "./merge.ts";
import { claimed } from "./ownership.ts";

export type ApplyOptions = {
  readonly kind: Kind;
  readonly manager: string;
  readonly subresource: string;
  readonly force: boolean;
  readonly now: Date;
};

export type Applied = { readonly object: KubeObject; readonly managedFields: NonNullable<Metadata["managedFields"]> };

/** The object after the configuration was applied to the live one (`undefined`: it is made). */
export function applyConfiguration(live: KubeObject | undefined, config: KubeObject, o: ApplyOptions): Applied {
  if ((config.metadata.managedFields?.length ?? 0) > 0) throw badRequest("metadata.managedFields must be nil");
  const wanted = wantedPart(config, o);
  const schema = ownedSchema(o.kind);
  const set = claimed(wanted, schema);
  const me: Omit<Manager, "set" | "time"> = {
    manager: o.manager,
    operation: "Apply",
    apiVersion: apiVersionOf(o.kind),
    subresource: o.subresource,
  };
  const managers = readManagers(live);
  const mine = managers.find((manager) => isManager(manager, me));
  const others = managers.filter((manager) => manager !== mine);

  const base = live ? ownable(live) : { metadata: {} };
  const merged = mergeApplied(base, wanted, schema);
  const kept = others.reduce((all: FieldSet, manager) => union(all, manager.set), set);
  const content = dropAbandoned(merged, { last: mine?.set ?? EMPTY, kept, node: schema });
  const object = assemble(live, config, content);

  const { changed, removed } = compareObjects(live, object, o.kind);
  const left = settle(others, changed, { manager: o.manager, force: o.force, removed });
  const time = mine && sameSet(mine.set, set) ? mine.time : kubeTime(o.now);
  return { object, managedFields: writeManagers([...left, { ...me, time, set }]) };
}

/** What the configuration may speak of here: the status only through its subresource, and nothing else there. */
function wantedPart(config: KubeObject, { kind, subresource }: ApplyOptions): Record<string, unknown> {
  const whole = ownable(config);
  if (subresource === "status")
    return { metadata: {}, ...(whole["status"] !== undefined && { status: whole["status"] }) };
  if (!kind.statusSubresource) return whole;
  const { status: _, ...rest } = whole;
  return rest;
}

function assemble(live: KubeObject | undefined, config: KubeObject, content: unknown): KubeObject {
  const fields = isFields(content) ? content : {};
  const owned = isFields(fields["metadata"]) ? fields["metadata"] : {};
  const {
    labels: _l,
    annotations: _a,
    finalizers: _f,
    ownerReferences: _o,
    ...own
  } = live?.metadata ?? config.metadata;
  const asked = {
    ...(config.metadata.resourceVersion && { resourceVersion: config.metadata.resourceVersion }),
    ...(config.metadata.uid && { uid: config.metadata.uid }),
  };
  return {
    ...fields,
    apiVersion: config.apiVersion,
    kind: config.kind,
    metadata: { ...own, ...owned, ...asked, name: own.name },
  };
}

/** The other managers after this apply: relieved of what was forced from them or removed; a 409 where force was not given. */
function settle(
  others: readonly Manager[],
  changed: FieldSet,
  o: { manager: string; force: boolean; removed: FieldSet },
): readonly Manager[] {
  const disputed = others
    .map((manager) => ({ manager, set: intersection(manager.set, changed) }))
    .filter(({ set }) => !isEmpty(set));
  if (disputed.length > 0 && !o.force) throw conflictOf(disputed);
  const lost = union(changed, o.removed);
  return others.map((manager) => ({ ...manager, set: difference(manager.set, lost) }));
}

function describe(manager: Manager): string {
  const sub = manager.subresource && ` with subresource ${JSON.stringify(manager.subresource)}`;
  const name = `${JSON.stringify(manager.manager)}${sub}`;
  if (manager.operation === "Apply") return name;
  const time = manager.time === undefined ? "" : ` at ${manager.time}`;
  return `${name} using ${manager.apiVersion}${time}`;
}

function conflictOf(disputed: readonly { manager: Manager; set: FieldSet }[]): Error {
  const causes: Cause[] = disputed.flatMap(({ manager, set }) =>
    places(set).map((field) => ({
      reason: "FieldManagerConflict",
      message: `conflict with ${describe(manager)}`,
      field,
    })),
  );
  const count = causes.length;
  const texts = disputed.map(({ manager, set }) => {
    const fields = places(set);
    if (count === 1) return `conflict with ${describe(manager)}: ${fields[0]}`;
    return `conflicts with ${describe(manager)}:\n${fields.map((field) => `- ${field}`).join("\n")}`;
  });
  const message = `Apply failed with ${count} conflict${count === 1 ? "" : "s"}: ${texts.join("\n")}`;
  return applyConflict(message, causes);
}
