import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ParameterSchemaError, parameterCheck } from "./parameters.ts";

const SCHEMA = {
  type: "object",
  properties: {
    width: { type: "integer", minimum: 1, maximum: 10 },
    ratio: { type: "number", exclusiveMinimum: 0, exclusiveMaximum: 2 },
    step: { type: "integer", multipleOf: 5 },
    mode: { enum: ["fast", "good"], default: "fast" },
    version: { const: 2 },
    name: { type: "string", pattern: "^x", minLength: 2, maxLength: 3 },
    end: { type: "string", pattern: "y$" },
    on: { type: "boolean" },
    bands: { type: "array", items: { type: "integer" }, minItems: 1, maxItems: 2, uniqueItems: true },
    area: { type: "object", properties: { x: { type: "number" } }, required: ["x"], additionalProperties: false },
    limit: { $ref: "#/$defs/limit" },
    day: { type: "string", format: "date" },
    time: { type: "string", format: "date-time" },
    either: { anyOf: [{ type: "boolean" }, { type: "integer" }] },
    constructor: { type: "number" },
  },
  required: ["width"],
  $defs: { limit: { type: ["integer", "null"] } },
};

const GOOD: Record<string, { given: Record<string, string>; want: object }> = {
  "numbers in all their forms": {
    given: { width: "5", ratio: "1.5e0", step: "-10" },
    want: { width: 5, ratio: 1.5, step: -10 },
  },
  "truth values, lists and objects": {
    given: { width: "1", on: "false", bands: "[3, 4]", area: '{"x": 0.5}' },
    want: { width: 1, on: false, bands: [3, 4], area: { x: 0.5 } },
  },
  "a value by reference, null too": { given: { width: "1", limit: "null" }, want: { width: 1, limit: null } },
  "a value of one of several types": { given: { width: "1", either: "7" }, want: { width: 1, either: 7 } },
  "a value that is only allowed by number": { given: { width: "1", version: "2" }, want: { width: 1, version: 2 } },
  "dates and times": {
    given: { width: "1", day: "2026-02-28", time: "2026-02-28T10:00:00Z" },
    want: { width: 1, day: "2026-02-28", time: "2026-02-28T10:00:00Z" },
  },
  "a text that looks like a number where text is wanted": {
    given: { width: "1", name: "x1" },
    want: { width: 1, name: "x1" },
  },
  "a parameter called like a member of every object": {
    given: { width: "1", constructor: "2" },
    want: { width: 1, constructor: 2 },
  },
};

const BAD: Record<string, { given: Record<string, string>; want: readonly [string, string][] }> = {
  "what is missing": { given: {}, want: [["width", "missing"]] },
  "what is no whole number": { given: { width: "5.5" }, want: [["width", "expected a whole number"]] },
  "a number in another notation": { given: { width: "0x10" }, want: [["width", "expected a whole number"]] },
  "a number with blanks": { given: { width: " 7 " }, want: [["width", "expected a whole number"]] },
  "a number beyond all numbers": { given: { width: "1", ratio: "1e999" }, want: [["ratio", "expected a number"]] },
  "a whole number that would lose digits": {
    given: { width: "12345678901234567890" },
    want: [["width", "expected a whole number"]],
  },
  "a number that is too small": { given: { width: "0" }, want: [["width", "expected at least 1"]] },
  "a number that is too large": { given: { width: "11" }, want: [["width", "expected at most 10"]] },
  "a number on a bound that is none": {
    given: { width: "1", ratio: "0" },
    want: [["ratio", "expected more than 0"]],
  },
  "a number on the other bound": { given: { width: "1", ratio: "2" }, want: [["ratio", "expected less than 2"]] },
  "no multiple": { given: { width: "1", step: "7" }, want: [["step", "expected a multiple of 5"]] },
  "another word": { given: { width: "1", mode: "best" }, want: [["mode", "expected one of fast, good"]] },
  "another constant": { given: { width: "1", version: "3" }, want: [["version", "expected 2"]] },
  "what is no truth value": { given: { width: "1", on: "yes" }, want: [["on", "expected true or false"]] },
  "a text that does not match": {
    given: { width: "1", name: "abc" },
    want: [["name", "expected text that matches '^x'"]],
  },
  "a text that does not match another pattern": {
    given: { width: "1", end: "xyz" },
    want: [["end", "expected text that matches 'y$'"]],
  },
  "a short text": { given: { width: "1", name: "x" }, want: [["name", "expected at least 2 characters"]] },
  "a long text": { given: { width: "1", name: "xxxx" }, want: [["name", "expected at most 3 characters"]] },
  "what is no list": { given: { width: "1", bands: "3,4" }, want: [["bands", "expected a list as JSON"]] },
  "an element of a list": { given: { width: "1", bands: '[1,"a"]' }, want: [["bands[1]", "expected a whole number"]] },
  "an empty list": { given: { width: "1", bands: "[]" }, want: [["bands", "expected at least 1 element"]] },
  "a long list": { given: { width: "1", bands: "[1,2,3]" }, want: [["bands", "expected at most 2 elements"]] },
  "an element twice": { given: { width: "1", bands: "[1,1]" }, want: [["bands", "expected no element twice"]] },
  "what is no object": { given: { width: "1", area: "[]" }, want: [["area", "expected an object as JSON"]] },
  "a member that is missing": { given: { width: "1", area: "{}" }, want: [["area.x", "missing"]] },
  "a member too many": {
    given: { width: "1", area: '{"x":1,"y":2}' },
    want: [["area.y", "unknown parameter"]],
  },
  "neither a number nor null": {
    given: { width: "1", limit: "none" },
    want: [["limit", "expected a whole number or null"]],
  },
  "a day that is none": {
    given: { width: "1", day: "2026-02-30" },
    want: [["day", "expected a text of the format 'date'"]],
  },
  "several at once, in the order of the schema": {
    given: { width: "x", mode: "y" },
    want: [
      ["width", "expected a whole number"],
      ["mode", "expected one of fast, good"],
    ],
  },
};

const NONE = "unknown parameter; expected one of width, ratio, step";

describe("parameterCheck()", () => {
  for (const [name, { given, want }] of Object.entries(GOOD)) {
    test(`takes ${name}, as the program is to have it`, () => {
      expect(parameterCheck(SCHEMA)(given)).toEqual({ kind: "good", parameters: { mode: "fast", ...want } });
    });
  }

  for (const [name, { given, want }] of Object.entries(BAD)) {
    test(`refuses ${name}`, () => {
      const problems = want.map(([name, message]) => ({ name, message }));
      expect(parameterCheck(SCHEMA)(given)).toEqual({ kind: "bad", problems });
    });
  }

  test("refuses a parameter that the schema says nothing of, whatever it is called", () => {
    for (const unknown of ["widht", "__proto__", "toString", ""]) {
      const checked = parameterCheck(SCHEMA)(
        JSON.parse(JSON.stringify({ width: "1" }).replace("}", `,"${unknown}":"1"}`)),
      );
      const [problem] = checked.kind === "bad" ? checked.problems : [];
      expect([unknown, problem?.name, problem?.message.startsWith(NONE)]).toEqual([unknown, unknown, true]);
    }
  });

  test("takes others where the schema says that there may be", () => {
    for (const open of [{ additionalProperties: true }, { unevaluatedProperties: { type: "string" } }]) {
      expect(parameterCheck(open)({ a: "1" })).toEqual({ kind: "good", parameters: { a: "1" } });
    }
    const parts = { allOf: [{ properties: { a: { type: "integer" } } }], patternProperties: { "^x-": {} } };
    expect(parameterCheck(parts)({ a: "1", "x-b": "2" })).toMatchObject({ kind: "bad", problems: [{ name: "a" }] });
    expect(parameterCheck(parts)({ "x-b": "2" })).toEqual({ kind: "good", parameters: { "x-b": "2" } });
  });

  test("takes nothing where there is no schema", () => {
    expect(parameterCheck()({})).toEqual({ kind: "good", parameters: {} });
    const problems = [{ name: "a", message: "unknown parameter" }];
    expect(parameterCheck()({ a: "1" })).toEqual({ kind: "bad", problems });
  });

  const SCHEMAS: Record<string, { schema: Record<string, unknown>; want: string }> = {
    "a type that there is not": { schema: { properties: { a: { type: "integr" } } }, want: "properties/a/type" },
    "a misspelled keyword": { schema: { properties: { a: { maxmium: 1 } } }, want: 'unknown keyword: "maxmium"' },
    "another dialect": { schema: { $schema: "http://json-schema.org/draft-07/schema#" }, want: "draft-07" },
    "a reference to elsewhere": { schema: { $ref: "https://example.org/x" }, want: "https://example.org/x" },
    "a pattern that is none": { schema: { properties: { a: { pattern: "(" } } }, want: "'('" },
    "a pattern that takes for ever": { schema: { properties: { a: { pattern: "(a)\\1" } } }, want: "'(a)\\1'" },
    "an unknown format": { schema: { properties: { a: { format: "colour" } } }, want: 'format "colour"' },
    "a list of parameters": { schema: { type: "array" }, want: "expected 'object', got '\"array\"'" },
    "a schema that answers later": { schema: { $async: true }, want: "$async" },
  };
  for (const [name, { schema, want }] of Object.entries(SCHEMAS)) {
    test(`cannot use ${name}`, () => {
      expect(() => parameterCheck(schema)).toThrow(ParameterSchemaError);
      expect(() => parameterCheck(schema)).toThrow(want);
    });
  }

  test("keeps schemas of one id apart, and after many others still knows each", () => {
    for (let i = 0; i < 100; i++) parameterCheck({ $id: "same", properties: { [`p${i}`]: { type: "integer" } } });
    for (const i of [0, 50, 99]) {
      const check = parameterCheck({ $id: "same", properties: { [`p${i}`]: { type: "integer" } } });
      expect(check({ [`p${i}`]: "1" })).toEqual({ kind: "good", parameters: { [`p${i}`]: 1 } });
      expect(check({ p200: "1" }).kind).toBe("bad");
    }
  });

  test("gives back every number, truth value and text that was written down", () => {
    const schema = {
      properties: {
        integer: { type: "integer" },
        number: { type: "number" },
        boolean: { type: "boolean" },
        text: { type: "string" },
        anything: {},
        list: { type: "array" },
      },
    };
    const values = fc.record({
      integer: fc.maxSafeInteger(),
      number: fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
      boolean: fc.boolean(),
      text: fc.string(),
      anything: fc.string(),
      list: fc.array(fc.jsonValue()),
    });
    fc.assert(
      fc.property(values, (want) => {
        const given = Object.fromEntries(
          Object.entries(want).map(([name, value]) => [
            name,
            typeof value === "string" ? value : JSON.stringify(value),
          ]),
        );
        const checked = parameterCheck(schema)(given);
        expect(checked).toEqual({ kind: "good", parameters: JSON.parse(JSON.stringify(want)) });
      }),
    );
  });

  test("never throws for what a user gives", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.string()), (given) => {
        const checked = parameterCheck(SCHEMA)({ ...given, width: "1" });
        if (checked.kind === "bad") expect(checked.problems.length).toBeGreaterThan(0);
        else expect(Object.keys(given).every((name) => name in SCHEMA.properties)).toBe(true);
      }),
    );
  });
});
