import { afterAll, expect, test } from "bun:test";
import { testStore } from "#test/support/store.ts";
import { tenantSchema, withoutNulls } from "./db.ts";

const store = await testStore("db");
afterAll(() => store.drop());

test("connect() gives bigint as number, also in arrays, timestamps as Date, camelCase columns, JSON keys untouched", async () => {
  const [row] = await store.db`
    SELECT 9007199254740991::bigint AS a_number, ARRAY[1, 2]::bigint[] AS some_numbers, '2026-03-01T10:00:00Z'::timestamptz AS a_time,
      '{"snake_case": 1, "camelCase": null}'::jsonb AS a_value, NULL::text AS nothing`;
  expect(row).toEqual({
    aNumber: Number.MAX_SAFE_INTEGER,
    someNumbers: [1, 2],
    aTime: new Date("2026-03-01T10:00:00Z"),
    aValue: { snake_case: 1, camelCase: null },
    nothing: null,
  });
});

test("connect() sends arrays of strings and numbers as they are", async () => {
  const texts = ["plain", 'with "quotes"', "back\\slash", "{a,b}", "", "NULL", null, "é😀"];
  const numbers = [null, 0, -1, Number.MAX_SAFE_INTEGER];
  const rows = await store.db<{ t: string }[]>`SELECT t FROM unnest(${texts}::text[]) AS t`;
  expect(rows.map((row) => row.t)).toEqual(texts as string[]);
  const more = await store.db<{ n: number }[]>`SELECT n FROM unnest(${numbers}::bigint[]) AS n`;
  expect(more.map((row) => row.n)).toEqual(numbers as number[]);
  const [none] = await store.db`SELECT count(*) AS n FROM unnest(${[]}::bigint[]) AS n`;
  expect(none).toEqual({ n: 0 });
});

test("tenantSchema() names a schema and refuses what could name another", () => {
  expect(tenantSchema("default")).toBe("tenant_default");
  expect(tenantSchema("my-project-1")).toBe("tenant_my_project_1");
  for (const tenant of ["", "A", "a_b", "a;b", "-a", "a-", "x".repeat(41)]) {
    expect(() => tenantSchema(tenant)).toThrow("Cannot name a schema");
  }
});

test("withoutNulls() leaves out NULL columns only", () => {
  expect(withoutNulls<object>({ a: null, b: 0, c: "", d: false })).toEqual({ b: 0, c: "", d: false });
});
