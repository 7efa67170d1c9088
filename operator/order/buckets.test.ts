import { expect, test } from "bun:test";
import fc from "fast-check";
import type { FoundProduct } from "#catalog/catalogue.ts";
import type { NewSubOrder } from "#store/files.ts";
import { type Cursor, cut, type Limits, type PartProduct, type Runs, START } from "./buckets.ts";

type Sketch = { dataset: number; files: readonly { size: number | undefined; reference: boolean }[] };

const sketches = fc.array(
  fc.record({
    dataset: fc.nat(2),
    files: fc.array(fc.record({ size: fc.option(fc.nat(30), { nil: undefined }), reference: fc.boolean() }), {
      maxLength: 6,
    }),
  }),
  { maxLength: 60 },
);
const limits = fc.record({ maxFiles: fc.integer({ min: 1, max: 8 }), maxBytes: fc.integer({ min: 1, max: 60 }) });

function products(list: readonly Sketch[]): FoundProduct[] {
  return list.map(({ dataset, files }, i) => ({
    id: (i + 1) * 3,
    urn: `urn:p${i}`,
    providerId: `p${i}`,
    version: 1,
    dataset: { urn: `urn:d${dataset}`, label: `d${dataset}` },
    matched: [0],
    files: files.map(({ size, reference }, f) => ({
      type: "RAWDATA" as const,
      filename: `${i}-${f}`,
      uri: `http://source.example/${i}/${f}`,
      mimeType: "application/octet-stream",
      reference,
      ...(size === undefined ? {} : { size }),
    })),
  }));
}

/** A store that keeps the guard of `appendSubOrders`, and a resolver that is killed before or after its write as `kills` say. */
function resolveAll(
  all: readonly PartProduct[],
  o: { limits: Limits; window: number; kills?: readonly number[]; runs?: readonly Runs[] },
) {
  const kills = [...(o.kills ?? [])];
  const stored: { cursor: Cursor | undefined; subOrders: NewSubOrder[]; products: number; done: boolean } = {
    cursor: undefined,
    subOrders: [],
    products: 0,
    done: false,
  };
  let passes = 0;
  while (!stored.done && passes++ < 1000) {
    const cursor = stored.cursor ?? START;
    const rest = all.filter((p) => p.id > cursor.after);
    const part = { products: rest.slice(0, o.window), last: rest.length <= o.window, runs: o.runs ?? [] };
    const made = cut(cursor, part, o.limits);
    const kill = kills.shift() ?? 0;
    if (kill === 1) continue;
    const writers = kill === 2 ? 2 : 1;
    for (let i = 0; i < writers; i++) {
      if (!Bun.deepEquals(stored.cursor ?? START, cursor) || stored.done) continue;
      stored.cursor = made.cursor;
      stored.subOrders.push(...made.subOrders);
      stored.products += made.products;
      stored.done = made.done;
    }
  }
  return stored;
}

test("cut() gives the same sub-orders whenever the operator is killed and whoever else resolves the order", () => {
  const kills = fc.array(fc.constantFrom(0, 1, 2), { maxLength: 40 });
  fc.assert(
    fc.property(sketches, limits, fc.integer({ min: 1, max: 20 }), kills, (list, bounds, window, killed) => {
      const all = products(list);
      const quiet = resolveAll(all, { limits: bounds, window });
      expect(resolveAll(all, { limits: bounds, window, kills: killed })).toEqual(quiet);
    }),
  );
});

test("cut() loses no file and doubles none, and counts every product once", () => {
  fc.assert(
    fc.property(sketches, limits, fc.integer({ min: 1, max: 20 }), (list, bounds, window) => {
      const all = products(list);
      const { subOrders, products: counted, done } = resolveAll(all, { limits: bounds, window });
      const got = subOrders.flatMap((s) => s.files.map((f) => f.filename)).toSorted();
      expect(got).toEqual(all.flatMap((p) => p.files.map((f) => f.filename)).toSorted());
      expect({ counted, done }).toEqual({ counted: all.length, done: true });
    }),
  );
});

test("cut() numbers sub-orders without gaps, never mixes datasets or references with files to fetch, and keeps the limits", () => {
  fc.assert(
    fc.property(sketches, limits, fc.integer({ min: 1, max: 20 }), (list, bounds, window) => {
      const all = products(list);
      const datasetOf = new Map(all.map((p) => [p.urn, p.dataset.urn]));
      const { subOrders, cursor } = resolveAll(all, { limits: bounds, window });
      expect(subOrders.map((s) => s.number)).toEqual(subOrders.map((_, i) => i + 1));
      expect(cursor?.made ?? 0).toBe(subOrders.length);
      expect(cursor?.internal ?? 0).toBe(subOrders.filter((s) => !s.reference).length);
      for (const s of subOrders) {
        expect(s.files.length).toBeGreaterThan(0);
        expect(s.files.every((f) => f.reference === s.reference)).toBe(true);
        expect(s.files.every((f) => datasetOf.get(f.productUrn) === s.dataset.urn)).toBe(true);
        expect(s.files.length).toBeLessThanOrEqual(bounds.maxFiles);
        const bytes = s.files.reduce((sum, f) => sum + (f.size ?? 0), 0);
        if (!s.reference && s.files.length > 1) expect(bytes).toBeLessThanOrEqual(bounds.maxBytes);
      }
    }),
  );
});

test("cut() writes the files of one product in one part, so that its dataset counts it once", () => {
  const all = products(Array.from({ length: 7 }, () => ({ dataset: 0, files: filesOf(3) })));
  const first = cut(START, { products: all, last: false }, { maxFiles: 5, maxBytes: 1000 });
  const written = new Set(first.subOrders.flatMap((s) => s.files.map((f) => f.productUrn)));
  const next = cut(
    first.cursor,
    { products: all.filter((p) => p.id > first.cursor.after), last: true },
    { maxFiles: 5, maxBytes: 1000 },
  );
  for (const s of next.subOrders) for (const f of s.files) expect(written.has(f.productUrn)).toBe(false);
});

test("cut() splits a product that is bigger than a sub-order may be (P29)", () => {
  const made = cut(
    START,
    { products: products([{ dataset: 0, files: filesOf(7) }]), last: true },
    { maxFiles: 3, maxBytes: 1000 },
  );
  expect(made.subOrders.map((s) => s.files.length)).toEqual([3, 3, 1]);
});

test("cut() gives a single file that is bigger than a sub-order one of its own (P29)", () => {
  const files = [
    { size: 1, reference: false },
    { size: 500, reference: false },
    { size: 1, reference: false },
  ];
  const list = files.map((file) => ({ dataset: 0, files: [file] }));
  const made = cut(START, { products: products(list), last: true }, { maxFiles: 10, maxBytes: 100 });
  expect(made.subOrders.map((s) => s.files.map((f) => f.size))).toEqual([[1], [500], [1]]);
});

test("cut() orders files of unknown size too, and files with the same checksum (P12, P13)", () => {
  const [product] = products([
    {
      dataset: 0,
      files: [
        { size: undefined, reference: false },
        { size: 0, reference: false },
      ],
    },
  ]);
  if (!product) throw new Error("Cannot make a product");
  const twins = product.files.map((file) => ({ ...file, checksum: "ab", algorithm: "MD5" }));
  const made = cut(START, { products: [{ ...product, files: twins }], last: true }, { maxFiles: 10, maxBytes: 10 });
  expect(made.subOrders.flatMap((s) => s.files.map((f) => f.filename))).toEqual(["0-0", "0-1"]);
});

test("cut() leaves no half-filled sub-order behind where one dataset fills its buckets", () => {
  const all = products(Array.from({ length: 100 }, () => ({ dataset: 0, files: filesOf(1) })));
  const { subOrders } = resolveAll(all, { limits: { maxFiles: 8, maxBytes: 1000 }, window: 30 });
  expect(subOrders.map((s) => s.files.length)).toEqual([...Array.from({ length: 12 }, () => 8), 4]);
});

function filesOf(count: number) {
  return Array.from({ length: count }, () => ({ size: 1, reference: false }));
}

test("testFillBucketsWithDataSetFiles: cut() takes along a dataset's own files, fetched and referred to apart", () => {
  const file = { type: "RAWDATA" as const, mimeType: "application/pdf", uri: "http://source.example/guide", size: 5 };
  const files = [
    { ...file, filename: "guide", reference: false },
    { ...file, filename: "table", reference: true },
    { ...file, filename: "map", reference: true },
  ];
  const [product] = products([{ dataset: 0, files: [{ size: 1, reference: false }] }]);
  const attached = [{ dataset: { urn: "urn:d0", label: "d0" }, files }];
  const part = { products: product ? [product] : [], last: true, attached };
  const made = cut(START, part, { maxFiles: 10, maxBytes: 100 });
  expect([made.products, made.cursor.after, made.cursor.internal]).toEqual([1, 3, 1]);
  expect(
    made.subOrders.map(({ reference, files }) => [reference, files.map((f) => [f.productUrn, f.filename])]),
  ).toEqual([
    [
      false,
      [
        ["urn:p0", "0-0"],
        ["urn:d0", "guide"],
      ],
    ],
    [
      true,
      [
        ["urn:d0", "table"],
        ["urn:d0", "map"],
      ],
    ],
  ]);
});

/** Each run takes all files of those products that it takes. */
function withRuns(list: readonly Sketch[], runs: readonly { readonly takes: (n: number) => boolean }[]): PartProduct[] {
  return products(list).map((product, n) => ({
    ...product,
    inputs: runs.map(({ takes }) => (takes(n) ? product.files : [])),
  }));
}

const someRuns = fc.array(
  fc.record({
    scope: fc.constantFrom("SubOrder" as const, "Product" as const),
    every: fc.integer({ min: 1, max: 3 }),
    limits: fc.record(
      {
        files: fc.integer({ min: 1, max: 6 }),
        bytes: fc.integer({ min: 1, max: 50 }),
        products: fc.integer({ min: 1, max: 3 }),
      },
      { requiredKeys: [] },
    ),
  }),
  { minLength: 1, maxLength: 3 },
);

test("cut() gives a run whole products, all of them once, and keeps its limits but for a product that alone is over them", () => {
  fc.assert(
    fc.property(sketches, limits, someRuns, fc.integer({ min: 1, max: 20 }), (list, bounds, asked, window) => {
      const all = withRuns(
        list,
        asked.map(({ every }) => ({ takes: (n: number) => n % every === 0 })),
      );
      const runs = asked.map(
        ({ scope, limits }, i): Runs => ({ process: { name: `p${i}`, parameters: { i }, scope }, limits }),
      );
      const { subOrders, cursor } = resolveAll(all, { limits: bounds, window, runs });
      expect(subOrders.map((s) => s.number)).toEqual(subOrders.map((_, i) => i + 1));
      expect(cursor?.internal ?? 0).toBe(subOrders.filter((s) => !s.reference).length);
      const plain = subOrders.filter((s) => s.process === undefined);
      expect(plain.flatMap((s) => s.files.map((f) => f.filename)).toSorted()).toEqual(
        all.flatMap((p) => p.files.map((f) => f.filename)).toSorted(),
      );
      for (const [i, { process, limits }] of runs.entries()) {
        const mine = subOrders.filter((s) => s.process?.name === process.name);
        const got = mine.flatMap((s) => s.files.map((f) => f.filename));
        expect(got.toSorted()).toEqual(all.flatMap((p) => p.inputs?.[i]?.map((f) => f.filename) ?? []).toSorted());
        const holders = mine.flatMap((s) => [...new Set(s.files.map((f) => f.productUrn))]);
        expect(holders).toHaveLength(new Set(holders).size);
        for (const run of mine) {
          expect({ process: run.process, reference: run.reference }).toEqual({ process, reference: false });
          const inside = new Set(run.files.map((f) => f.productUrn));
          if (process.scope === "Product") expect(inside.size).toBe(1);
          if (inside.size === 1) continue;
          expect(inside.size).toBeLessThanOrEqual(limits.products ?? Number.POSITIVE_INFINITY);
          expect(run.files.length).toBeLessThanOrEqual(Math.min(bounds.maxFiles, limits.files ?? bounds.maxFiles));
          const bytes = run.files.reduce((sum, f) => sum + (f.size ?? 0), 0);
          expect(bytes).toBeLessThanOrEqual(Math.min(bounds.maxBytes, limits.bytes ?? bounds.maxBytes));
        }
      }
    }),
  );
});

test("cut() makes the same runs whenever the operator is killed and whoever else resolves the order", () => {
  const kills = fc.array(fc.constantFrom(0, 1, 2), { maxLength: 40 });
  fc.assert(
    fc.property(
      sketches,
      limits,
      someRuns,
      fc.integer({ min: 1, max: 20 }),
      kills,
      (list, bounds, asked, window, killed) => {
        const all = withRuns(
          list,
          asked.map(({ every }) => ({ takes: (n: number) => n % every === 0 })),
        );
        const runs = asked.map(
          ({ scope, limits }, i): Runs => ({ process: { name: `p${i}`, parameters: {}, scope }, limits }),
        );
        const quiet = resolveAll(all, { limits: bounds, window, runs });
        expect(resolveAll(all, { limits: bounds, window, runs, kills: killed })).toEqual(quiet);
      },
    ),
  );
});

const ONE_RUN = { name: "cut", parameters: { width: 5 } };
const EACH: Record<string, { runs: Runs[]; want: number[][] }> = {
  "one run of all products": {
    runs: [{ process: { ...ONE_RUN, scope: "SubOrder" }, limits: {} }],
    want: [[0, 1, 2, 3]],
  },
  "a run for each product": {
    runs: [{ process: { ...ONE_RUN, scope: "Product" }, limits: {} }],
    want: [[0], [1], [2], [3]],
  },
  "runs of so many products": {
    runs: [{ process: { ...ONE_RUN, scope: "SubOrder" }, limits: { products: 3 } }],
    want: [[0, 1, 2], [3]],
  },
  "runs of so many files": {
    runs: [{ process: { ...ONE_RUN, scope: "SubOrder" }, limits: { files: 5 } }],
    want: [
      [0, 1],
      [2, 3],
    ],
  },
  "runs of so many bytes": {
    runs: [{ process: { ...ONE_RUN, scope: "SubOrder" }, limits: { bytes: 2 } }],
    want: [[0], [1], [2], [3]],
  },
  "a product over the limit in a run of its own": {
    runs: [{ process: { ...ONE_RUN, scope: "SubOrder" }, limits: { files: 1 } }],
    want: [[0], [1], [2], [3]],
  },
};
for (const [name, { runs, want }] of Object.entries(EACH)) {
  test(`cut() makes ${name}`, () => {
    const list = Array.from({ length: 4 }, () => ({ dataset: 0, files: filesOf(2) }));
    const inputsOnly = withRuns(list, [{ takes: () => true }]).map((product) => ({ ...product, files: [] }));
    const made = cut(START, { products: inputsOnly, runs, last: true }, { maxFiles: 100, maxBytes: 100 });
    const numbers = made.subOrders.map((s) => [...new Set(s.files.map((f) => Number(f.productUrn.slice(5))))]);
    expect(numbers).toEqual(want);
    expect(made.subOrders.every((s) => s.files.length === 2 * new Set(s.files.map((f) => f.productUrn)).size)).toBe(
      true,
    );
    expect(made.subOrders.map(({ process }) => process)).toEqual(want.map(() => runs[0]?.process));
  });
}

test("cut() takes references along as inputs, keeps datasets apart, and a dataset's own files out of runs", () => {
  const list = [
    { dataset: 0, files: [{ size: 1, reference: true }] },
    { dataset: 1, files: filesOf(1) },
  ];
  const runs: Runs[] = [{ process: { ...ONE_RUN, scope: "SubOrder" }, limits: {} }];
  const only = withRuns(list, [{ takes: () => true }]).map((product) => ({ ...product, files: [] }));
  const guide = {
    type: "RAWDATA" as const,
    mimeType: "application/pdf",
    uri: "http://x/g",
    filename: "g",
    reference: false,
  };
  const attached = [{ dataset: { urn: "urn:d0", label: "d0" }, files: [guide] }];
  const made = cut(START, { products: only, runs, last: true, attached }, { maxFiles: 10, maxBytes: 100 });
  expect(
    made.subOrders.map((s) => [s.dataset.label, s.reference, s.process?.name, s.files.map((f) => f.filename)]),
  ).toEqual([
    ["d0", false, "cut", ["0-0"]],
    ["d1", false, "cut", ["1-0"]],
    ["d0", false, undefined, ["g"]],
  ]);
  expect(made.cursor.internal).toBe(3);
});
