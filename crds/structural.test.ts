import { describe, expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import fc from "fast-check";
import { OrderSpec, OrderStatus } from "./order.ts";
import { ProcessSpec, ProcessStatus } from "./process.ts";
import { count, keyedList, list, openObject, stringEnum, stringMap, text, time } from "./schema.ts";
import { type SchemaNode, structuralSchema } from "./structural.ts";
import { SubOrderSpec, SubOrderStatus } from "./suborder.ts";

const D = { description: "A thing." };
const object = (property: SchemaNode): SchemaNode => ({ type: "object", ...D, properties: { it: property } });

describe("structuralSchema()", () => {
  const accepted: Record<string, SchemaNode> = {
    text: text(3, "A thing."),
    "enumerated text": stringEnum(["A", "B"], "A thing."),
    time: time("A thing."),
    count: count("A thing."),
    list: list(text(3, "A thing."), { maxItems: 2, kind: "set", description: "Things." }),
    "list by key": keyedList(Type.Object({ name: text(3, "A name.") }, D), { maxItems: 2, keys: ["name"], ...D }),
    map: stringMap(2, 3, "A thing."),
    "open object": openObject("A thing."),
    boolean: Type.Boolean({ default: false, ...D }),
  };
  for (const [name, node] of Object.entries(accepted)) {
    test(`takes a ${name}`, () => {
      expect(structuralSchema(object(node), "It")["properties"]).toMatchObject({ it: { type: expect.any(String) } });
    });
  }

  const refused: Record<string, { node: SchemaNode; wantMessage: string }> = {
    "text without a bound": { node: Type.String(D), wantMessage: "It.it: has no maxLength" },
    "text without a description": { node: Type.String({ maxLength: 3 }), wantMessage: "has no description" },
    "a count without a maximum": {
      node: Type.Integer({ minimum: 0, format: "int64", ...D }),
      wantMessage: "no maximum",
    },
    "a count without a format": { node: Type.Integer({ minimum: 0, maximum: 3, ...D }), wantMessage: "has no format" },
    "an int32 beyond its range": {
      node: Type.Integer({ minimum: 0, maximum: 2 ** 31, format: "int32", ...D }),
      wantMessage: "do not fit int32",
    },
    "a fraction": { node: Type.Number({ minimum: 0, maximum: 1, ...D }), wantMessage: "type 'number' is not allowed" },
    "an unknown format": {
      node: text(9, "A thing.") && { ...text(9, "A thing."), format: "email" },
      wantMessage: "'email'",
    },
    "a list without a bound": {
      node: Type.Array(text(3, "A thing."), { "x-kubernetes-list-type": "atomic", ...D }),
      wantMessage: "has no maxItems",
    },
    "a list without a kind": { node: Type.Array(text(3, "A thing."), { maxItems: 3, ...D }), wantMessage: "list-type" },
    "a set of objects": {
      node: list(Type.Object({ a: text(3, "A.") }, D), { maxItems: 2, kind: "set", ...D }),
      wantMessage: "is a set of objects",
    },
    "a list keyed by what may be absent": {
      node: keyedList(Type.Object({ a: Type.Optional(text(3, "A.")) }, D), { maxItems: 2, keys: ["a"], ...D }),
      wantMessage: "its key 'a' is not required",
    },
    "an unbounded element": {
      node: list(Type.String(D), { maxItems: 2, description: "Things." }),
      wantMessage: "It.it[]: has no maxLength",
    },
    "a map without a bound": {
      node: { type: "object", ...D, additionalProperties: text(3, "A.") },
      wantMessage: "maxProperties",
    },
    "an unbounded map value": {
      node: { type: "object", ...D, maxProperties: 2, additionalProperties: { type: "string" } },
      wantMessage: "It.it{}: has no maxLength",
    },
    "a union": {
      node: Type.Union([Type.Literal("a"), Type.Literal("b")], D),
      wantMessage: "has no type (description, anyOf)",
    },
    "a record by pattern": {
      node: Type.Record(Type.String(), Type.String(), D),
      wantMessage: "'patternProperties' is not allowed",
    },
    "a nameless object": { node: { type: "object", ...D }, wantMessage: "neither properties nor additionalProperties" },
    "properties beside a map": {
      node: { type: "object", ...D, properties: { a: text(3, "A.") }, additionalProperties: text(3, "A.") },
      wantMessage: "both properties and additionalProperties",
    },
    "a default that is not valid": {
      node: Type.String({ maxLength: 2, default: "long", ...D }),
      wantMessage: "its default",
    },
    "a literal": { node: Type.Literal("a", D), wantMessage: "'const' is not allowed" },
  };
  for (const [name, { node, wantMessage }] of Object.entries(refused)) {
    test(`refuses ${name}`, () => {
      expect(() => structuralSchema(object(node), "It")).toThrow(wantMessage);
    });
  }

  test("tells of every problem at once", () => {
    const node = Type.Object({ a: Type.String(), b: Type.String() }, D);
    const message = String(new Error(messageOf(() => structuralSchema(object(node), "It"))));
    for (const path of ["It.it.a", "It.it.b"]) expect(message).toContain(path);
  });

  test("leaves additionalProperties: false out, keeps rules and defaults, and requires only what has no default", () => {
    const properties = { a: Type.Boolean({ default: true, ...D }), b: Type.Boolean(D) };
    const node = {
      ...Type.Object(properties, { additionalProperties: false, ...D }),
      "x-kubernetes-validations": [{ rule: "true", message: "must be" }],
    };
    expect(structuralSchema(node, "It")).toEqual({
      type: "object",
      ...D,
      properties: { a: { type: "boolean", default: true, ...D }, b: { type: "boolean", ...D } },
      required: ["b"],
      "x-kubernetes-validations": [{ rule: "true", message: "must be" }],
    });
  });

  test("notices when any bound or description of our own schemas is taken away", () => {
    const schemas = [OrderSpec, OrderStatus, SubOrderSpec, SubOrderStatus, ProcessSpec, ProcessStatus];
    const cuts = schemas.flatMap((schema) => vitalKeys(schema as SchemaNode, []).map((path) => ({ schema, path })));
    expect(cuts.length).toBeGreaterThan(150);
    fc.assert(
      fc.property(fc.constantFrom(...cuts), ({ schema, path }) => {
        const broken = structuredClone(JSON.parse(JSON.stringify(schema))) as Record<string, unknown>;
        let node = broken;
        for (const key of path.slice(0, -1)) node = node[key] as Record<string, unknown>;
        delete node[path.at(-1) ?? ""];
        expect(() => structuralSchema(broken, "It")).toThrow("Cannot make a structural schema");
      }),
      { numRuns: 300 },
    );
  });
});

function messageOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  throw new Error("It did not fail");
}

/** Paths to every key without which a node has no bound or no description; inside map values a description is not needed. */
function vitalKeys(node: SchemaNode, path: readonly string[]): string[][] {
  const vital = [
    "maxLength",
    "minimum",
    "maximum",
    "maxItems",
    "maxProperties",
    "x-kubernetes-list-type",
    "enum",
    "type",
  ];
  const inMap = path.at(-1) === "additionalProperties";
  const keys = Object.keys(node).filter((key) => (key === "description" ? !inMap : vital.includes(key)));
  const found = keys.map((key) => [...path, key]);
  for (const [key, child] of Object.entries(node)) {
    if (key === "items" || key === "additionalProperties") {
      if (typeof child === "object") found.push(...vitalKeys(child as SchemaNode, [...path, key]));
    } else if (key === "properties") {
      for (const [name, property] of Object.entries(child as Record<string, SchemaNode>)) {
        found.push(...vitalKeys(property, [...path, key, name]));
      }
    }
  }
  return found;
}
