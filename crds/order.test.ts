/** The schemas and CEL rules of the resources, held against good and bad objects: what an API server does at admission. */
import { describe, expect, test } from "bun:test";
import { Environment } from "@marcbachmann/cel-js";
import type { TSchema } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import fc from "fast-check";
import { FILE_TYPES } from "./files.ts";
import { LIMITS, OrderSpec, OrderStatus } from "./order.ts";
import { ProcessSpec } from "./process.ts";
import { type CelRule, isTime } from "./schema.ts";
import type { SchemaNode } from "./structural.ts";
import { SubOrderSpec } from "./suborder.ts";

const cel = new Environment({ unlistedVariablesAreDyn: true });

/** Messages of the rules that do not hold, at any depth. Rules with `oldSelf` apply to updates only. */
function broken(schema: SchemaNode, value: unknown, before?: unknown): string[] {
  const rules = (schema["x-kubernetes-validations"] ?? []) as readonly CelRule[];
  const failed = rules
    .filter(({ rule }) => before !== undefined || !rule.includes("oldSelf"))
    .filter(({ rule }) => cel.evaluate(rule, { self: value, oldSelf: before }) !== true)
    .map(({ message }) => message);
  if (Array.isArray(value)) return [...failed, ...value.flatMap((item) => broken(schema["items"] as SchemaNode, item))];
  if (typeof value !== "object" || value === null) return failed;
  for (const [name, property] of Object.entries((schema["properties"] ?? {}) as Record<string, SchemaNode>)) {
    const now = (value as Record<string, unknown>)[name];
    if (now !== undefined)
      failed.push(...broken(property, now, (before as Record<string, unknown> | undefined)?.[name]));
  }
  return failed;
}

/** What an API server says to the object: the schema first, its defaults filled in, then the rules. */
function admit(schema: TSchema, given: unknown, before?: unknown): string[] {
  const value = Value.Default(schema, structuredClone(given));
  const errors = [...Value.Errors(schema, value)].map(({ path, message }) => `${path}: ${message}`);
  return errors.length > 0 ? errors : broken(schema as SchemaNode, value, before);
}

const ORDER = { owner: "jane@example.org", selections: [{ query: "*:*" }], suspend: false, retry: 0 };
const FULL = { ...ORDER, label: "May", correlationId: "c-1", sizeLimitBytes: 10, subOrderAvailabilitySeconds: 60 };

describe("OrderSpec at creation", () => {
  const good: Record<string, object> = {
    "an owner and one selection": { owner: "a@b", selections: [{ query: "x" }] },
    everything: FULL,
    "a selection by dataset": { ...ORDER, selections: [{ dataset: "URN:1" }] },
    "a selection by area": { ...ORDER, selections: [{ geometry: "POINT (1 2)" }] },
    "a selection by ids": { ...ORDER, selections: [{ includeIds: ["a"], before: "2026-01-01T00:00:00Z" }] },
    "a file filter": { ...ORDER, selections: [{ query: "x", fileTypes: ["RAWDATA"], fileNamePattern: ".*" }] },
    "a process": { ...ORDER, selections: [{ query: "x", process: { name: "p", parameters: { a: "1" } } }] },
    "as many selections as there may be": { ...ORDER, selections: Array(LIMITS.selections).fill({ query: "x" }) },
    "a shutdown from the start": { ...ORDER, shutdown: "Delete" },
  };
  for (const [name, spec] of Object.entries(good)) {
    test(`takes ${name}`, () => {
      expect(admit(OrderSpec, spec)).toEqual([]);
    });
  }

  const bad: Record<string, { spec: object; want: string }> = {
    "no owner": { spec: { selections: [{ query: "x" }] }, want: "/owner" },
    "an empty owner": { spec: { ...ORDER, owner: "" }, want: "/owner" },
    "no selection": { spec: { ...ORDER, selections: [] }, want: "/selections" },
    "too many selections": {
      spec: { ...ORDER, selections: Array(LIMITS.selections + 1).fill({ query: "x" }) },
      want: "/selections",
    },
    "an empty selection": { spec: { ...ORDER, selections: [{}] }, want: "must name at least one of" },
    "a selection that only excludes": {
      spec: { ...ORDER, selections: [{ excludeIds: ["a"] }] },
      want: "at least one of",
    },
    "an empty selection after a good one": {
      spec: { ...ORDER, selections: [{ query: "x" }, { before: "2026-01-01T00:00:00Z" }] },
      want: "at least one of",
    },
    "a process with a file filter": {
      spec: { ...ORDER, selections: [{ query: "x", process: { name: "p" }, fileTypes: ["RAWDATA"] }] },
      want: "must not have both",
    },
    "a process with a name pattern": {
      spec: { ...ORDER, selections: [{ query: "x", process: { name: "p" }, fileNamePattern: "a" }] },
      want: "must not have both",
    },
    "a long label": { spec: { ...ORDER, label: "x".repeat(LIMITS.labelLength + 1) }, want: "/label" },
    "a file type that is none": {
      spec: { ...ORDER, selections: [{ query: "x", fileTypes: ["PDF"] }] },
      want: "/fileTypes",
    },
    "a time that is none": { spec: { ...ORDER, selections: [{ query: "x", before: "yesterday" }] }, want: "/before" },
    "a negative size limit": { spec: { ...ORDER, sizeLimitBytes: -1 }, want: "/sizeLimitBytes" },
    "an inexact size limit": { spec: { ...ORDER, sizeLimitBytes: 2 ** 53 }, want: "/sizeLimitBytes" },
    "half a retry": { spec: { ...ORDER, retry: 0.5 }, want: "/retry" },
    "an unknown field": { spec: { ...ORDER, priority: 1 }, want: "/priority" },
    "an unknown shutdown": { spec: { ...ORDER, shutdown: "Stop" }, want: "/shutdown" },
    "a map of too many parameters": {
      spec: {
        ...ORDER,
        selections: [{ query: "x", process: { name: "p", parameters: Object.fromEntries(Array(65).entries()) } }],
      },
      want: "/parameters",
    },
  };
  for (const [name, { spec, want }] of Object.entries(bad)) {
    test(`refuses ${name}`, () => {
      expect(admit(OrderSpec, spec).join("\n")).toContain(want);
    });
  }
});

describe("OrderSpec at an update", () => {
  const good: Record<string, { before: object; change: object }> = {
    "no change": { before: FULL, change: {} },
    "a pause": { before: ORDER, change: { suspend: true } },
    "the end of a pause": { before: { ...ORDER, suspend: true }, change: { suspend: false } },
    "a retry": { before: ORDER, change: { retry: 3 } },
    "a cancellation": { before: ORDER, change: { shutdown: "Cancel" } },
    "a deletion": { before: ORDER, change: { shutdown: "Delete" } },
    "a deletion of what was cancelled": { before: { ...ORDER, shutdown: "Cancel" }, change: { shutdown: "Delete" } },
  };
  for (const [name, { before, change }] of Object.entries(good)) {
    test(`takes ${name}`, () => {
      expect(admit(OrderSpec, { ...before, ...change }, before)).toEqual([]);
    });
  }

  const bad: Record<string, { before: object; change: object; want: string }> = {
    "another owner": { before: FULL, change: { owner: "b@c" }, want: "`owner` must not change" },
    "another selection": {
      before: FULL,
      change: { selections: [{ query: "y" }] },
      want: "`selections` must not change",
    },
    "one selection more": {
      before: FULL,
      change: { selections: [...FULL.selections, { query: "y" }] },
      want: "`selections` must not change",
    },
    "a lower retry": { before: { ...ORDER, retry: 2 }, change: { retry: 1 }, want: "`retry` must not be lowered" },
    "a retry of what is processed": {
      before: { ...ORDER, selections: [{ query: "x" }, { query: "y", process: { name: "p" } }] },
      change: { retry: 1 },
      want: "`retry` must not be raised where a selection has a `process`",
    },
    "a deletion taken back to a cancellation": {
      before: { ...ORDER, shutdown: "Delete" },
      change: { shutdown: "Cancel" },
      want: "it may go from",
    },
    "a shutdown taken back": {
      before: { ...ORDER, shutdown: "Cancel" },
      change: { shutdown: undefined },
      want: "it may go from",
    },
  };
  for (const field of ["label", "correlationId", "sizeLimitBytes", "subOrderAvailabilitySeconds"] as const) {
    const other = { label: "June", correlationId: "c-2", sizeLimitBytes: 11, subOrderAvailabilitySeconds: 61 }[field];
    const want = `\`${field}\` must not change`;
    bad[`another ${field}`] = { before: FULL, change: { [field]: other }, want };
    bad[`a ${field} taken away`] = { before: FULL, change: { [field]: undefined }, want };
    bad[`a ${field} put in`] = { before: ORDER, change: { [field]: other }, want };
  }
  for (const [name, { before, change, want }] of Object.entries(bad)) {
    test(`refuses ${name}`, () => {
      const merged = Object.fromEntries(
        Object.entries({ ...before, ...change }).filter(([, value]) => value !== undefined),
      );
      const failed = admit(OrderSpec, merged, before);
      expect(failed).toHaveLength(1);
      expect(failed[0]).toContain(want);
    });
  }

  test("takes every sequence of allowed actions, and no update back to the start once it was shut down", () => {
    const actions = fc.array(
      fc.constantFrom<object>(
        { suspend: true },
        { suspend: false },
        { shutdown: "Cancel" },
        { shutdown: "Delete" },
        { retry: 1 },
      ),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(actions, (changes) => {
        let spec: Record<string, unknown> = { ...FULL };
        for (const change of changes) {
          const next = { ...spec, ...change };
          const backwards = spec["shutdown"] === "Delete" && next["shutdown"] === "Cancel";
          expect(admit(OrderSpec, next, spec).length).toBe(backwards ? 1 : 0);
          if (!backwards) spec = next;
        }
        const restart = admit(OrderSpec, FULL, spec).length;
        expect(restart > 0).toBe(spec["shutdown"] !== undefined || spec["retry"] !== 0);
      }),
    );
  });
});

describe("any well-formed order", () => {
  const optional = { requiredKeys: [] };
  const string = (maxLength: number, minLength = 1) => fc.string({ minLength, maxLength: Math.min(maxLength, 40) });
  const before = fc
    .date({ min: new Date("2000-01-01"), max: new Date("2100-01-01"), noInvalidDate: true })
    .map((date) => date.toISOString());
  const filter = fc.record(
    { fileTypes: fc.uniqueArray(fc.constantFrom(...FILE_TYPES), { minLength: 1 }), fileNamePattern: string(512) },
    optional,
  );
  // The CEL library takes a plain object's type from its `constructor`; whoever uses it on users' keys hands it a Map.
  const key = string(20).filter((name) => name !== "constructor");
  const process = fc.record({
    process: fc.record({ name: string(63), parameters: fc.dictionary(key, string(20)) }),
  });
  const anchor = fc.oneof(
    fc.record({ query: string(8192) }),
    fc.record({ dataset: string(255) }),
    fc.record({ geometry: string(65_536) }),
    fc.record({ includeIds: fc.uniqueArray(string(255), { maxLength: 5 }) }),
  );
  const selection = fc
    .tuple(anchor, fc.oneof(filter, process), fc.record({ before, excludeIds: fc.uniqueArray(string(255)) }, optional))
    .map((parts) => Object.assign({}, ...parts) as object);
  const order = fc.record(
    {
      owner: string(128),
      selections: fc.array(selection, { minLength: 1, maxLength: 5 }),
      label: string(50),
      correlationId: string(255),
      sizeLimitBytes: fc.maxSafeNat(),
      suspend: fc.boolean(),
      retry: fc.nat(1_000_000),
    },
    { requiredKeys: ["owner", "selections"] },
  );

  test("is taken, and taken again unchanged after a round trip", () => {
    fc.assert(
      fc.property(order, (spec) => {
        expect(admit(OrderSpec, spec)).toEqual([]);
        const stored = JSON.parse(JSON.stringify(Value.Default(OrderSpec, structuredClone(spec))));
        expect(admit(OrderSpec, stored, stored)).toEqual([]);
      }),
    );
  });

  test("may not change its selections", () => {
    fc.assert(
      fc.property(order, order, (spec, other) => {
        fc.pre(JSON.stringify(spec.selections) !== JSON.stringify(other.selections));
        const stored = Value.Default(OrderSpec, structuredClone(spec)) as object;
        const next = { ...stored, selections: other.selections };
        expect(admit(OrderSpec, next, stored).join()).toContain("`selections` must not change");
      }),
    );
  });
});

describe("SubOrderSpec", () => {
  const SUBORDER = { orderName: "order-1", orderId: 1, number: 1, attempt: 1, files: 3, bytes: 10 };
  test("takes a higher attempt, refuses a lower one or another place", () => {
    expect(admit(SubOrderSpec, SUBORDER)).toEqual([]);
    expect(admit(SubOrderSpec, { ...SUBORDER, attempt: 2 }, SUBORDER)).toEqual([]);
    expect(admit(SubOrderSpec, SUBORDER, { ...SUBORDER, attempt: 2 }).join()).toContain(
      "`attempt` must not be lowered",
    );
    for (const change of [{ orderName: "order-2" }, { orderId: 2 }, { number: 2 }]) {
      expect(admit(SubOrderSpec, { ...SUBORDER, ...change }, SUBORDER).join()).toContain("must not change");
    }
    expect(admit(SubOrderSpec, { ...SUBORDER, number: 0 }).join()).toContain("/number");
  });
});

describe("ProcessSpec", () => {
  test("takes a program with its parameters' schema, refuses one without a command", () => {
    const spec = {
      image: "x@sha256:1",
      command: ["run"],
      scope: "Product",
      parameters: { type: "object", anything: [1] },
    };
    expect(admit(ProcessSpec, spec)).toEqual([]);
    expect(admit(ProcessSpec, { ...spec, command: [] }).join()).toContain("/command");
    expect(admit(ProcessSpec, { ...spec, scope: "Order" }).join()).toContain("/scope");
  });

  test("says who may use it on which datasets, in words that there are", () => {
    const spec = { image: "x", command: ["run"], scope: "SubOrder" };
    expect(admit(ProcessSpec, { ...spec, role: "EXPLOIT", datasets: ["URN:1", "Radar"] })).toEqual([]);
    expect(admit(ProcessSpec, { ...spec, role: "KING" }).join()).toContain("/role");
    expect(admit(ProcessSpec, { ...spec, datasets: [] }).join()).toContain("/datasets");
    expect(admit(ProcessSpec, { ...spec, datasets: [""] }).join()).toContain("/datasets/0");
  });
});

describe("OrderStatus", () => {
  test("takes conditions with PascalCase reasons only", () => {
    const condition = { type: "Succeeded", status: "Unknown", message: "", lastTransitionTime: "2026-01-01T00:00:00Z" };
    expect(Value.Check(OrderStatus, { conditions: [{ ...condition, reason: "Running" }] })).toBe(true);
    expect(Value.Check(OrderStatus, { conditions: [{ ...condition, reason: "not running" }] })).toBe(false);
  });
});

describe("isTime()", () => {
  test("takes RFC 3339 only, on days that exist", () => {
    for (const good of ["2026-02-28T23:59:59Z", "2024-02-29T00:00:00.123456+05:30", "2026-01-01t00:00:00z"]) {
      expect([good, isTime(good)]).toEqual([good, true]);
    }
    for (const bad of [
      "2026-02-29T00:00:00Z",
      "2026-01-01",
      "2026-01-01T24:00:00Z",
      "2026-01-01T00:00:00",
      "",
      "now",
    ]) {
      expect([bad, isTime(bad)]).toEqual([bad, false]);
    }
  });
});
