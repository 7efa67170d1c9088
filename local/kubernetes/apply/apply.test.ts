import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { KubeObject } from "../object.ts";
import { customKinds } from "../resources/custom-kind.ts";
import type { Kind } from "../resources/kind.ts";
import { type Applied, applyConfiguration } from "./apply.ts";
import { difference, fromFieldsV1, sameSet, toFieldsV1, union } from "./field-set.ts";
import { trackUpdate } from "./managed-fields.ts";

const string = { type: "string" };
const [kind] = customKinds({
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "things.test.io" },
  spec: {
    group: "test.io",
    scope: "Namespaced",
    names: { plural: "things", kind: "Thing" },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: {
              spec: {
                type: "object",
                properties: {
                  a: string,
                  b: string,
                  inner: { type: "object", properties: { c: string, d: string } },
                  map: { type: "object", additionalProperties: string },
                  set: { type: "array", items: string, "x-kubernetes-list-type": "set" },
                  keyed: {
                    type: "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["type"],
                    items: { type: "object", properties: { type: string, value: string } },
                  },
                  atomic: { type: "array", items: string },
                },
              },
            },
          },
        },
      },
    ],
  },
}) as readonly [Kind];

const now = new Date("2026-01-01T00:00:00Z");

function thing(spec: Record<string, unknown>): KubeObject {
  return { apiVersion: "test.io/v1", kind: "Thing", metadata: { name: "t", namespace: "n" }, spec };
}

function stored({ object, managedFields }: Applied): KubeObject {
  return { ...object, metadata: { ...object.metadata, managedFields } };
}

function apply(
  live: KubeObject | undefined,
  spec: Record<string, unknown>,
  manager: string,
  force = false,
): KubeObject {
  return stored(applyConfiguration(live, thing(spec), { kind, manager, subresource: "", force, now }));
}

describe("applyConfiguration()", () => {
  test("applyConfiguration() removes what its manager no longer mentions", () => {
    const live = apply(apply(undefined, { a: "1", b: "2", inner: { c: "x" } }, "me"), { a: "1" }, "me");
    expect(live["spec"]).toEqual({ a: "1" });
  });

  test("applyConfiguration() keeps what another manager mentions too", () => {
    const both = apply(apply(undefined, { a: "1", b: "2" }, "me"), { b: "2" }, "other");
    expect(apply(both, { a: "1" }, "me")["spec"]).toEqual({ a: "1", b: "2" });
  });

  test("applyConfiguration() keeps what nobody applied", () => {
    const live = apply(undefined, { a: "1" }, "me");
    const updated = trackUpdate(
      live,
      { ...live, spec: { a: "1", b: "by hand" } },
      { kind, manager: "hand", subresource: "", now },
    );
    expect(apply(updated, { a: "2" }, "me")["spec"]).toEqual({ a: "2", b: "by hand" });
  });

  test("applyConfiguration() refuses to change what another owns, with each field as a cause", () => {
    const live = apply(undefined, { a: "1", inner: { c: "x" } }, "me");
    expect(() => apply(live, { a: "2", inner: { c: "y" } }, "other")).toThrow(
      'Apply failed with 2 conflicts: conflicts with "me":\n- .spec.a\n- .spec.inner.c',
    );
  });

  test("applyConfiguration() takes it over with force, and the former owner may let go of it", () => {
    const forced = apply(apply(undefined, { a: "1", b: "1" }, "me"), { a: "2" }, "other", true);
    expect(apply(forced, { b: "1" }, "me")["spec"]).toEqual({ a: "2", b: "1" });
  });

  test("applyConfiguration() shares a field when both want the same value", () => {
    const shared = apply(apply(undefined, { a: "1" }, "me"), { a: "1" }, "other");
    expect(() => apply(shared, { a: "2" }, "me")).toThrow('conflict with "other": .spec.a');
  });

  test("applyConfiguration() merges sets and keyed lists by element, atomic lists as a whole", () => {
    const first = apply(undefined, { set: ["x"], keyed: [{ type: "A", value: "1" }] }, "me");
    const second = apply(first, { set: ["y"], keyed: [{ type: "B", value: "2" }] }, "other");
    expect(second["spec"]).toEqual({
      set: ["x", "y"],
      keyed: [
        { type: "A", value: "1" },
        { type: "B", value: "2" },
      ],
    });
    expect(apply(second, {}, "me")["spec"]).toEqual({ set: ["y"], keyed: [{ type: "B", value: "2" }] });
    const atomic = apply(undefined, { atomic: ["x"] }, "me");
    expect(() => apply(atomic, { atomic: ["y"] }, "other")).toThrow(".spec.atomic");
  });

  const word = fc.constantFrom("1", "2", "3");
  const name = fc.constantFrom("x", "y", "z");
  const spec = fc.record(
    {
      a: word,
      b: word,
      inner: fc.record({ c: word, d: word }, { requiredKeys: [] }),
      map: fc.dictionary(name, word),
      set: fc.uniqueArray(name),
      keyed: fc.uniqueArray(fc.record({ type: name, value: word }), { selector: (item) => item.type }),
      atomic: fc.array(word, { maxLength: 3 }),
    },
    { requiredKeys: [] },
  );

  test("applyConfiguration() applied twice gives what it gives once, whatever was there", () => {
    fc.assert(
      fc.property(spec, spec, spec, (mine, theirs, next) => {
        const live = apply(apply(undefined, mine, "me"), theirs, "other", true);
        const once = apply(live, next, "me", true);
        expect(apply(once, next, "me", true)).toEqual(once);
      }),
    );
  });

  test("applyConfiguration() leaves nothing of a manager that was alone and wants nothing more", () => {
    fc.assert(
      fc.property(spec, (mine) => {
        const after = apply(apply(undefined, mine, "me"), {}, "me");
        expect(after["spec"] ?? {}).toEqual({});
      }),
    );
  });

  test("fromFieldsV1() reads what toFieldsV1() writes", () => {
    fc.assert(
      fc.property(spec, spec, (a, b) => {
        const object = apply(apply(undefined, a, "me"), b, "other", true);
        for (const entry of object.metadata.managedFields ?? []) {
          expect(toFieldsV1(fromFieldsV1(entry.fieldsV1))).toEqual(entry.fieldsV1);
        }
        const [one, two] = (object.metadata.managedFields ?? []).map((entry) => fromFieldsV1(entry.fieldsV1));
        if (one && two) expect(sameSet(difference(union(one, two), two), difference(one, two))).toBe(true);
      }),
    );
  });
});
