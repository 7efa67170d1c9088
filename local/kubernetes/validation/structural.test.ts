import { describe, expect, test } from "bun:test";
import type { Schema } from "../resources/kind.ts";
import { prune, withDefaults } from "./prune.ts";
import { validate } from "./structural.ts";

const schema: Schema = {
  type: "object",
  required: ["owner"],
  properties: {
    owner: { type: "string", minLength: 1, maxLength: 5 },
    count: { type: "integer", minimum: 0, maximum: 10, default: 3, format: "int32" },
    word: { type: "string", enum: ["A", "B"] },
    when: { type: "string", format: "date-time" },
    code: { type: "string", pattern: "^[a-z]+$" },
    set: { type: "array", maxItems: 3, minItems: 1, items: { type: "string" }, "x-kubernetes-list-type": "set" },
    keyed: {
      type: "array",
      items: { type: "object", properties: { type: { type: "string" }, value: { type: "string", maxLength: 2 } } },
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["type"],
    },
    map: { type: "object", maxProperties: 1, additionalProperties: { type: "string", maxLength: 2 } },
    open: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
    nullable: { type: "string", nullable: true },
    inner: { type: "object", properties: { size: { type: "integer", default: 1 } } },
  },
  "x-kubernetes-validations": [
    { rule: "!has(self.word) || self.count > 2", message: "`count` must be over 2 with a `word`" },
    { rule: "self.owner == oldSelf.owner", message: "`owner` must not change" },
  ],
};

/** `field: message`, as the Status shows it. */
function problems(value: unknown, before?: unknown): readonly string[] {
  const causes = validate(value, schema, before === undefined ? {} : { before });
  return causes.map((cause) => `${cause.field}: ${cause.message}`);
}

describe("validate()", () => {
  const cases: Record<string, { value: Record<string, unknown>; want: readonly string[] }> = {
    "accepts what fits": {
      value: { owner: "me", count: 3, word: "A", when: "2026-01-01T00:00:00.5+02:00", nullable: null },
      want: [],
    },
    "asks for what is required": { value: {}, want: ["owner: Required value"] },
    "refuses a wrong type": {
      value: { owner: 1 },
      want: ['owner: Invalid value: "integer": owner in body must be of type string: "integer"'],
    },
    "refuses a fraction for an integer": {
      value: { owner: "me", count: 1.5 },
      want: ['count: Invalid value: "number": count in body must be of type integer: "number"'],
    },
    "refuses numbers out of bounds": {
      value: { owner: "me", count: 11 },
      want: ["count: Invalid value: 11: count in body should be less than or equal to 10"],
    },
    "refuses long and short strings": {
      value: { owner: "toolong" },
      want: ["owner: Too long: may not be more than 5 bytes"],
    },
    "refuses empty strings": {
      value: { owner: "" },
      want: ['owner: Invalid value: "": owner in body should be at least 1 chars long'],
    },
    "refuses values outside of an enum": {
      value: { owner: "me", word: "C" },
      want: ['word: Unsupported value: "C": supported values: "A", "B"'],
    },
    "refuses impossible dates": {
      value: { owner: "me", when: "2026-02-30T00:00:00Z" },
      want: [
        'when: Invalid value: "2026-02-30T00:00:00Z": when in body must be of type date-time: "2026-02-30T00:00:00Z"',
      ],
    },
    "refuses what a pattern excludes": {
      value: { owner: "me", code: "A1" },
      want: ["code: Invalid value: \"A1\": code in body should match '^[a-z]+$'"],
    },
    "refuses doubles in a set": {
      value: { owner: "me", set: ["a", "b", "a"] },
      want: ['set[2]: Duplicate value: "a"'],
    },
    "refuses doubles in a keyed list": {
      value: { owner: "me", keyed: [{ type: "A" }, { type: "A", value: "x" }] },
      want: ['keyed[1]: Duplicate value: {"type":"A"}'],
    },
    "refuses too many items": {
      value: { owner: "me", set: ["a", "b", "c", "d"] },
      want: ["set: Too many: 4: must have at most 3 items"],
    },
    "looks into map values": {
      value: { owner: "me", map: { "k/x": "long" } },
      want: ["map.k/x: Too long: may not be more than 2 bytes"],
    },
    "runs rules": {
      value: { owner: "me", word: "A", count: 1 },
      want: ['<nil>: Invalid value: "object": `count` must be over 2 with a `word`'],
    },
  };
  for (const [name, { value, want }] of Object.entries(cases)) {
    test(`validate() ${name}`, () => expect(problems(value)).toEqual([...want]));
  }

  test("validate() runs transition rules on updates only", () => {
    expect(problems({ owner: "you", count: 3 }, { owner: "me", count: 3 })).toEqual([
      '<nil>: Invalid value: "object": `owner` must not change',
    ]);
    expect(problems({ owner: "you", count: 3 })).toEqual([]);
  });

  test("validate() does not hold against a writer what he did not change", () => {
    const old = { owner: "me", code: "OLD", keyed: [{ type: "A", value: "long" }] };
    expect(problems({ ...old, count: 4, keyed: [{ type: "B" }, { type: "A", value: "long" }] }, old)).toEqual([]);
    expect(problems({ ...old, code: "NEW" }, old)).toHaveLength(1);
  });
});

describe("prune()", () => {
  test("prune() removes unknown fields and tells where they were", () => {
    const unknown: string[] = [];
    const value = {
      owner: "me",
      bogus: 1,
      inner: { size: 2, x: 1 },
      open: { any: { thing: 1 } },
      keyed: [{ type: "A", y: 1 }],
    };
    expect(prune(value, schema, "spec", unknown)).toEqual({
      owner: "me",
      inner: { size: 2 },
      open: { any: { thing: 1 } },
      keyed: [{ type: "A" }],
    });
    expect(unknown).toEqual(["spec.bogus", "spec.inner.x", "spec.keyed[0].y"]);
  });
});

describe("withDefaults()", () => {
  test("withDefaults() fills in what is absent, below maps that are there, and never twice", () => {
    const once = withDefaults({ owner: "me", inner: {} }, schema);
    expect(once).toEqual({ owner: "me", count: 3, inner: { size: 1 } });
    expect(withDefaults(once, schema)).toEqual(once);
    expect(withDefaults({ owner: "me", count: null }, schema)).toEqual({ owner: "me", count: 3 });
  });
});
