import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { OrderSpec } from "#crds/order.ts";
import { NOW, orderSpec } from "#test/support/store.ts";
import { defaultLabel, numberedLabel, specHash } from "./identity.ts";

/** The same value with its keys in another order, at every depth. */
function shuffled(value: unknown, pick: (n: number) => number): unknown {
  if (Array.isArray(value)) return value.map((member) => shuffled(member, pick));
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).map(([key, member]) => [key, shuffled(member, pick)] as const);
  const out: [string, unknown][] = [];
  while (entries.length > 0) out.push(entries.splice(pick(entries.length), 1)[0] as [string, unknown]);
  return Object.fromEntries(out);
}

const selection = fc.record(
  {
    dataset: fc.string({ minLength: 1 }),
    query: fc.string(),
    includeIds: fc.array(fc.string()),
    process: fc.record({ name: fc.string(), parameters: fc.dictionary(fc.string(), fc.string()) }),
  },
  { requiredKeys: ["dataset"] },
);

test("specHash() does not see the order of keys, nor what is undefined", () => {
  fc.assert(
    fc.property(
      fc.array(selection, { minLength: 1 }),
      fc.array(fc.nat(), { minLength: 40, maxLength: 40 }),
      (selections, picks) => {
        const spec = orderSpec({ selections });
        let i = 0;
        const other = shuffled(spec, (n) => (picks[i++ % picks.length] ?? 0) % n) as OrderSpec;
        expect(specHash(other)).toBe(specHash(spec));
        expect(specHash({ ...spec, label: undefined } as unknown as OrderSpec)).toBe(specHash(spec));
      },
    ),
  );
});

test("specHash() does not see expirationTime, suspend, shutdown, retry and correlationId", () => {
  const spec = orderSpec();
  expect(specHash({ ...spec, suspend: true, shutdown: "Cancel", retry: 3, correlationId: "c" })).toBe(specHash(spec));
});

describe("specHash() sees", () => {
  const changes: Record<string, Partial<OrderSpec>> = {
    owner: { owner: "other@example.org" },
    label: { label: "a label" },
    selections: { selections: [{ dataset: "e" }] },
    "the order of selections": { selections: [{ dataset: "e" }, { dataset: "d" }] },
    "a member moved to another selection": { selections: [{ dataset: "d", query: "a:1" }, { dataset: "e" }] },
    sizeLimitBytes: { sizeLimitBytes: 1 },
    subOrderAvailabilitySeconds: { subOrderAvailabilitySeconds: 60 },
  };
  const seen = new Set([specHash(orderSpec())]);
  for (const [name, change] of Object.entries(changes)) {
    test(name, () => {
      const hash = specHash(orderSpec(change));
      expect(seen.has(hash)).toBe(false);
      seen.add(hash);
    });
  }
});

test("defaultLabel() has the contract's form, in UTC", () => {
  expect(defaultLabel(NOW)).toBe("Order of 2026/03/01 at 10:00:00");
});

test("numberedLabel() keeps within 50 characters", () => {
  expect(numberedLabel("a", 1)).toBe("a");
  expect(numberedLabel("a", 2)).toBe("a (2)");
  expect(numberedLabel("x".repeat(60), 1)).toHaveLength(50);
  expect(numberedLabel("x".repeat(60), 12)).toBe(`${"x".repeat(45)} (12)`);
});
