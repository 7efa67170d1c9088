import { afterAll, beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import { type TestStore, testStore } from "#test/support/store.ts";
import { isStorable, unstorablePath } from "./storable.ts";

let store: TestStore;
beforeAll(async () => {
  store = await testStore("storable");
});
afterAll(() => store.drop());

const cases: Record<string, [value: unknown, path: string | undefined]> = {
  "a harmless value": [{ a: ["b", 1, null, true, { c: "\u{1f30d}\u0001" }] }, undefined],
  "a text itself": ["\0", ""],
  "in an object": [{ label: "a\0b" }, "label"],
  "deep inside": [{ selections: [{}, { query: "x\0" }] }, "selections[1].query"],
  "the first of several": [{ a: "\0", b: "\0" }, "a"],
  "a name of a member": [{ parameters: { "a\0": 1 } }, "parameters"],
  "a high surrogate alone": [["\ud83c"], "[0]"],
  "a low surrogate alone": [{ a: "\udf0d." }, "a"],
};
for (const [name, [value, path]] of Object.entries(cases)) {
  test(`unstorablePath() finds ${name}`, () => {
    expect(unstorablePath(value)).toBe(path as string);
  });
}

test("isStorable() agrees with the database", async () => {
  const { db } = store;
  const text = fc.oneof(fc.string({ unit: "binary" }), fc.stringMatching(/^[a\0\ud800\udc00]{0,4}$/u));
  await fc.assert(
    fc.asyncProperty(text, async (value) => {
      const kept = await db`SELECT ${value}::text AS text, ${db.json({ value })}::jsonb AS json`.then(
        ([row]) => row?.["text"] === value && row?.["json"].value === value,
        () => false,
      );
      expect(isStorable(value)).toBe(kept);
    }),
    { numRuns: 300 },
  );
});
