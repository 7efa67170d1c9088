import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { jobName, orderName, subOrderName } from "./names.ts";

/** Names that Kubernetes takes for an object: labels of [a-z0-9-] joined by dots, 253 characters in all. */
const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
const objectName = fc
  .array(label, { minLength: 1, maxLength: 4 })
  .map((labels) => labels.join(".").slice(0, 253))
  .filter((name) => /[a-z0-9]$/.test(name));
const number = fc.integer({ min: 1, max: 10_000_000 });
const attempt = fc.integer({ min: 1, max: 1_000_000 });

function expectDnsLabel(name: string): void {
  expect(name.length).toBeLessThanOrEqual(63);
  expect(name).toMatch(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/);
}

describe("names of children", () => {
  test("are plain where they can be", () => {
    expect(orderName(12)).toBe("order-12");
    expect(subOrderName("order-12", 3)).toBe("order-12-3");
    expect(jobName("order-12-3", 2)).toBe("order-12-3-a2");
  });

  test("are DNS labels of at most 63 characters for every name that an order may have", () => {
    fc.assert(
      fc.property(objectName, number, attempt, (order, n, a) => {
        const subOrder = subOrderName(order, n);
        expectDnsLabel(subOrder);
        expectDnsLabel(jobName(subOrder, a));
      }),
      { numRuns: 2_000 },
    );
  });

  test("are the same for the same parent, and differ between parents, numbers and attempts", () => {
    const key = fc.tuple(objectName, number, attempt);
    fc.assert(
      fc.property(key, key, (one, other) => {
        const [name, otherName] = [one, other].map(([order, n, a]) => jobName(subOrderName(order, n), a));
        expect(name === otherName).toBe(JSON.stringify(one) === JSON.stringify(other));
      }),
      { numRuns: 2_000 },
    );
  });

  test("of long or dotted parents that look alike differ", () => {
    const long = "x".repeat(60);
    const parents = [`${long}a`, `${long}b`, `${long}a.b`, `${long}a-b`, "a.b", "a-b", "a.b.c", "a-b.c", "a.b-c"];
    const names = parents.flatMap((parent) => [1, 2, 10].map((n) => subOrderName(parent, n)));
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expectDnsLabel(name);
  });

  test("of two orders do not meet where one's name is the other's with a number", () => {
    // Order `a-1`'s sub-order 2, and a sub-order of an order that is itself called `a-1-2`.
    expect(subOrderName("a", 1)).not.toBe(subOrderName("a-1", 2));
  });
});
