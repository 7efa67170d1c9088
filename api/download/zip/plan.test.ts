import { describe, expect, test } from "bun:test";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { dataRange, type Entry, planArchive, type Range } from "./plan.ts";
import { archiveBytes } from "./stream.ts";

const modified = new Date("2026-11-20T10:20:30Z");

function entry(name: string, content: Uint8Array): Entry<Uint8Array> {
  return { name, size: content.length, crc32: crc32(content), source: content };
}

async function read(entries: readonly Entry<Uint8Array>[], range?: Range): Promise<Buffer> {
  const plan = planArchive(entries, modified);
  const open = async (source: Uint8Array, part: Range) =>
    new Blob([source.slice(part.start, part.end)]).stream() as ReadableStream<Uint8Array>;
  return Buffer.concat(await Array.fromAsync(archiveBytes(plan, range ?? { start: 0, end: plan.size }, open)));
}

const anyEntries = fc
  .array(fc.tuple(fc.string({ unit: "binary", minLength: 1, maxLength: 12 }), fc.uint8Array({ maxLength: 60 })), {
    maxLength: 12,
  })
  .map((list) => list.map(([name, content]) => entry(name.toWellFormed(), content)));

describe("planArchive()", () => {
  test("tells the length of what archiveBytes() sends", async () => {
    await fc.assert(
      fc.asyncProperty(anyEntries, async (entries) => {
        expect((await read(entries)).length).toBe(planArchive(entries, modified).size);
      }),
      { numRuns: 50 },
    );
  });

  test("the concatenation of arbitrary ranges is the whole", async () => {
    await fc.assert(
      fc.asyncProperty(anyEntries, fc.array(fc.double({ min: 0, max: 1, noNaN: true })), async (entries, cuts) => {
        const whole = await read(entries);
        const points = [0, ...cuts.map((c) => Math.floor(c * whole.length)).sort((a, b) => a - b), whole.length];
        const parts: Buffer[] = [];
        for (const [i, start] of points.slice(0, -1).entries()) {
          parts.push(await read(entries, { start, end: points[i + 1] ?? whole.length }));
        }
        expect(Buffer.concat(parts).equals(whole)).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  test("gives the same bytes each time", async () => {
    const entries = [entry("a.txt", Buffer.from("one")), entry("é.txt", Buffer.from("two"))];
    expect((await read(entries)).equals(await read(entries))).toBe(true);
  });

  test("an archive without entries is the 22 bytes of an empty one", async () => {
    expect(await read([])).toHaveLength(22);
  });
});

describe("archiveBytes()", () => {
  test("opens only the sources that the range touches", async () => {
    const entries = Array.from({ length: 50 }, (_, i) => entry(`f${i}`, Buffer.alloc(100, i)));
    const plan = planArchive(entries, modified);
    const opened: Range[] = [];
    const open = async (source: Uint8Array, part: Range) => {
      opened.push(part);
      return new Blob([source.slice(part.start, part.end)]).stream() as ReadableStream<Uint8Array>;
    };
    const data = dataRange(plan, 40);
    await Array.fromAsync(archiveBytes(plan, { start: data.start + 10, end: data.start + 20 }, open));
    expect(opened).toEqual([{ start: 10, end: 20 }]);
  });

  test.each([
    ["shorter", 9],
    ["longer", 11],
  ])("fails when a source is %s than planned", async (_case, length) => {
    const plan = planArchive([{ name: "a", size: 10, crc32: 0, source: null }], modified);
    const open = async () => new Blob([new Uint8Array(length)]).stream() as ReadableStream<Uint8Array>;
    await expect(Array.fromAsync(archiveBytes(plan, { start: 0, end: plan.size }, open))).rejects.toThrow(
      "Cannot send 'a': expected 10 bytes",
    );
  });

  test("closes what it opened ahead when the reader goes away", async () => {
    let open = 0;
    const source = async () => {
      open++;
      return new ReadableStream<Uint8Array>({
        pull: (c) => c.enqueue(new Uint8Array(200_000)),
        cancel: () => {
          open--;
        },
      });
    };
    const entries = ["a", "b", "c"].map((name) => ({ name, size: 1e9, crc32: 0, source: null }));
    const plan = planArchive(entries, modified);
    const bytes = archiveBytes(plan, { start: 0, end: plan.size }, source);
    await bytes.next();
    expect(open).toBe(3);
    await bytes.return(undefined);
    expect(open).toBe(0);
  });
});
