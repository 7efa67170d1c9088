import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { KubeObject, OwnerReference } from "#kube/resource.ts";
import { type OwnerState, planGarbage } from "./plan.ts";

function owner(uid: string, blocking = false): OwnerReference {
  return { apiVersion: "v1", kind: "Owner", name: "same-name", uid, ...(blocking ? { blockOwnerDeletion: true } : {}) };
}

function object(uid: string, metadata: Partial<KubeObject["metadata"]> = {}): KubeObject {
  return { apiVersion: "v1", kind: "Thing", metadata: { name: uid, uid, ...metadata } };
}

const DELETED = { deletionTimestamp: "2026-11-21T12:00:00Z" };
type Case = { object: KubeObject; states?: Record<string, OwnerState>; dependents?: KubeObject[]; want: object[] };

describe("planGarbage()", () => {
  const cases: Record<string, Case> = {
    "leaves an object without owners": { object: object("a"), want: [] },
    "leaves an object whose owner is there": {
      object: object("a", { ownerReferences: [owner("o")] }),
      states: { o: "there" },
      want: [],
    },
    "deletes an object whose only owner is gone": {
      object: object("a", { ownerReferences: [owner("o")] }),
      states: { o: "gone" },
      want: [{ kind: "delete", propagation: "Background" }],
    },
    "keeps an object as long as one owner is there, and forgets the other": {
      object: object("a", { ownerReferences: [owner("o"), owner("p")] }),
      states: { o: "gone", p: "there" },
      want: [{ kind: "forget", owners: [owner("o")] }],
    },
    "deletes in the background what a waiting owner waits for": {
      object: object("a", { ownerReferences: [owner("o", true)] }),
      states: { o: "waiting" },
      want: [{ kind: "delete", propagation: "Background" }],
    },
    "deletes in order what itself has dependents": {
      object: object("a", { ownerReferences: [owner("o", true)] }),
      states: { o: "waiting" },
      dependents: [object("b")],
      want: [{ kind: "delete", propagation: "Foreground" }],
    },
    "holds an owner back while a dependent blocks": {
      object: object("o", { ...DELETED, finalizers: ["foregroundDeletion"] }),
      dependents: [object("a", { ownerReferences: [owner("o", true)] })],
      want: [],
    },
    "lets an owner go when no dependent blocks": {
      object: object("o", { ...DELETED, finalizers: ["foregroundDeletion", "other"] }),
      dependents: [object("a", { ownerReferences: [owner("o")] })],
      want: [{ kind: "unblock", finalizer: "foregroundDeletion" }],
    },
    "makes dependents forget an owner that leaves them behind": {
      object: object("o", { ...DELETED, finalizers: ["orphan"] }),
      dependents: [object("a", { ownerReferences: [owner("o"), owner("p")] })],
      want: [{ kind: "forget", owners: [owner("o")] }],
    },
    "lets an owner go that no dependent remembers": {
      object: object("o", { ...DELETED, finalizers: ["orphan"] }),
      want: [{ kind: "unblock", finalizer: "orphan" }],
    },
    "leaves an object that is being deleted already": {
      object: object("a", { ...DELETED, ownerReferences: [owner("o")] }),
      states: { o: "gone" },
      want: [],
    },
  };
  for (const [name, { object: subject, states = {}, dependents = [], want }] of Object.entries(cases)) {
    test(`planGarbage() ${name}`, () => {
      const actions = planGarbage(subject, { ownerState: ({ uid }) => states[uid] ?? "there", dependents });
      expect(actions).toEqual(want.map((one) => expect.objectContaining(one)));
    });
  }

  test("planGarbage() never deletes what has an owner that is there", () => {
    const state = fc.constantFrom<OwnerState>("there", "waiting", "gone");
    fc.assert(
      fc.property(fc.array(state, { maxLength: 5 }), fc.nat(2), (states, dependents) => {
        const subject = object("a", { ownerReferences: states.map((_, i) => owner(String(i))) });
        const actions = planGarbage(subject, {
          ownerState: ({ uid }) => states[Number(uid)] ?? "there",
          dependents: Array.from({ length: dependents }, (_, i) => object(`d${i}`)),
        });
        const deletes = actions.some((action) => action.kind === "delete");
        expect(deletes).toBe(states.length > 0 && !states.includes("there"));
      }),
    );
  });
});
