import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { component } from "../openapi/components.ts";
import { jsonPatch } from "./json-patch.ts";
import { mergePatch } from "./merge-patch.ts";
import { strategicPatch } from "./strategic-patch.ts";

const json = fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.parse(JSON.stringify(value)));
const object = fc.dictionary(fc.stringMatching(/^[a-z]{1,3}$/), json);

describe("mergePatch()", () => {
  const cases = {
    "sets a field": { target: { a: "b" }, patch: { a: "c" }, want: { a: "c" } },
    "adds a field": { target: { a: "b" }, patch: { b: "c" }, want: { a: "b", b: "c" } },
    "removes with null": { target: { a: "b", b: 1 }, patch: { a: null }, want: { b: 1 } },
    "replaces a list": { target: { a: [1, 2] }, patch: { a: [3] }, want: { a: [3] } },
    "drops nulls of new maps": { target: {}, patch: { a: { b: { c: null } } }, want: { a: { b: {} } } },
    "replaces a scalar by a map": { target: { a: "x" }, patch: { a: { b: 1 } }, want: { a: { b: 1 } } },
    "replaces everything by a list": { target: { a: 1 }, patch: [1], want: [1] },
  };
  for (const [name, { target, patch, want }] of Object.entries(cases)) {
    test(`mergePatch() ${name}`, () => expect(mergePatch(target, patch)).toEqual(want));
  }

  test("mergePatch() applied twice gives what it gives once", () => {
    fc.assert(
      fc.property(object, object, (target, patch) => {
        const once = mergePatch(target, patch);
        expect(mergePatch(once, patch)).toEqual(once);
      }),
    );
  });
});

describe("jsonPatch()", () => {
  const cases = {
    "adds a member": { doc: { a: 1 }, patch: [{ op: "add", path: "/b", value: 2 }], want: { a: 1, b: 2 } },
    "inserts into a list": {
      doc: { a: [1, 3] },
      patch: [{ op: "add", path: "/a/1", value: 2 }],
      want: { a: [1, 2, 3] },
    },
    "appends to a list": { doc: { a: [1] }, patch: [{ op: "add", path: "/a/-", value: 2 }], want: { a: [1, 2] } },
    "removes from a list": { doc: { a: [1, 2] }, patch: [{ op: "remove", path: "/a/0" }], want: { a: [2] } },
    "moves a member": {
      doc: { a: { b: 1 }, c: {} },
      patch: [{ op: "move", from: "/a/b", path: "/c/d" }],
      want: { a: {}, c: { d: 1 } },
    },
    "copies a member": { doc: { a: [1] }, patch: [{ op: "copy", from: "/a", path: "/b" }], want: { a: [1], b: [1] } },
    "unescapes pointers": {
      doc: { "a/b": { "c~d": 1 } },
      patch: [{ op: "replace", path: "/a~1b/c~0d", value: 2 }],
      want: { "a/b": { "c~d": 2 } },
    },
    "goes on after a test that holds": {
      doc: { a: 1 },
      patch: [
        { op: "test", path: "/a", value: 1 },
        { op: "remove", path: "/a" },
      ],
      want: {},
    },
  };
  for (const [name, { doc, patch, want }] of Object.entries(cases)) {
    test(`jsonPatch() ${name}`, () => expect(jsonPatch(doc, patch)).toEqual(want));
  }

  const refused = {
    "a test that does not hold": [{ op: "test", path: "/a", value: 2 }],
    "a member that is not there": [{ op: "remove", path: "/x" }],
    "an index beyond the end": [{ op: "add", path: "/l/5", value: 1 }],
    "a pointer without a slash": [{ op: "add", path: "a", value: 1 }],
    "an unknown operation": [{ op: "frobnicate", path: "/a" }],
  };
  for (const [name, patch] of Object.entries(refused)) {
    test(`jsonPatch() refuses ${name}`, () => expect(() => jsonPatch({ a: 1, l: [] }, patch)).toThrow());
  }

  test("jsonPatch() undoes what it did: add then remove, and never changes its input", () => {
    fc.assert(
      fc.property(object, json, (doc, value) => {
        const before = structuredClone(doc);
        const added = jsonPatch(doc, [{ op: "add", path: "/new~0key", value }]);
        expect(jsonPatch(added, [{ op: "remove", path: "/new~0key" }])).toEqual(before);
        expect(doc).toEqual(before);
      }),
    );
  });
});

describe("strategicPatch()", () => {
  const pod = component("io.k8s.api.core.v1.Pod");
  const target = {
    metadata: { finalizers: ["a/x"], labels: { l: "1" } },
    spec: {
      containers: [
        { name: "a", image: "a:1", env: [{ name: "X", value: "1" }] },
        { name: "b", image: "b:1" },
      ],
      tolerations: [{ key: "t" }],
    },
    status: { conditions: [{ type: "Ready", status: "False" }] },
  };

  const cases = {
    "merges containers by name": {
      patch: { spec: { containers: [{ name: "b", image: "b:2" }] } },
      want: [
        { name: "a", image: "a:1", env: [{ name: "X", value: "1" }] },
        { name: "b", image: "b:2" },
      ],
    },
    "adds a container": {
      patch: { spec: { containers: [{ name: "c", image: "c:1" }] } },
      want: [...target.spec.containers, { name: "c", image: "c:1" }],
    },
    "deletes a container": {
      patch: { spec: { containers: [{ name: "a", $patch: "delete" }] } },
      want: [{ name: "b", image: "b:1" }],
    },
    "replaces all containers": {
      patch: { spec: { containers: [{ $patch: "replace" }, { name: "z", image: "z" }] } },
      want: [{ name: "z", image: "z" }],
    },
    "puts containers into the order asked for": {
      patch: { spec: { "$setElementOrder/containers": [{ name: "b" }, { name: "a" }], containers: [] } },
      want: [target.spec.containers[1], target.spec.containers[0]],
    },
    "merges lists within containers": {
      patch: { spec: { containers: [{ name: "a", env: [{ name: "Y", value: "2" }] }] } },
      want: [
        {
          name: "a",
          image: "a:1",
          env: [
            { name: "X", value: "1" },
            { name: "Y", value: "2" },
          ],
        },
        { name: "b", image: "b:1" },
      ],
    },
  };
  for (const [name, { patch, want }] of Object.entries(cases)) {
    test(`strategicPatch() ${name}`, () => {
      expect(strategicPatch(target, patch, pod)).toMatchObject({ spec: { containers: want } });
    });
  }

  test("strategicPatch() merges conditions by type, unites finalizers and replaces lists without a strategy", () => {
    const patch = {
      metadata: { finalizers: ["b/y", "a/x"], labels: { l: null, m: "2" } },
      spec: { tolerations: [{ key: "u" }] },
      status: {
        conditions: [
          { type: "Ready", status: "True" },
          { type: "New", status: "True" },
        ],
      },
    };
    expect(strategicPatch(target, patch, pod)).toMatchObject({
      metadata: { finalizers: ["a/x", "b/y"], labels: { m: "2" } },
      spec: { tolerations: [{ key: "u" }] },
      status: {
        conditions: [
          { type: "Ready", status: "True" },
          { type: "New", status: "True" },
        ],
      },
    });
  });

  test("strategicPatch() takes scalars out of a united list", () => {
    const patch = { metadata: { "$deleteFromPrimitiveList/finalizers": ["a/x"] } };
    expect(strategicPatch(target, patch, pod)).toMatchObject({ metadata: { finalizers: [] } });
  });
});
