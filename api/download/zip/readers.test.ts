/**
 * Other people's readers must take our archives: Info-ZIP unzip, 7-Zip, Python's zipfile and Java's ZipInputStream, as far as they are
 * installed (all of them must be where TEST_REQUIRE_ALL=1). The large cases are the ones in which ZIP writers are commonly wrong.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, open as openFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { streamOf } from "../../http/stream-of.ts";
import { type LateEntry, openEndedArchive } from "./late.ts";
import { type Entry, planArchive, type Range } from "./plan.ts";
import { archiveBytes } from "./stream.ts";

const modified = new Date("2026-11-20T10:20:30Z");
const GIB = 1024 ** 3;
const SPARSE_SIZE = 4 * GIB + 10;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "zip-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function tool(name: string): string | undefined {
  const path = Bun.which(name) ?? undefined;
  if (!path && process.env["TEST_REQUIRE_ALL"] === "1")
    throw new Error(`Cannot run the test: '${name}' is not installed`);
  return path;
}

type Result = { readonly code: number; readonly output: string };

async function run(command: readonly string[]): Promise<Result> {
  const child = Bun.spawn([...command], { stdout: "pipe", stderr: "pipe", cwd: folder });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, output: out + err };
}

const PYTHON = `import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as z:
    bad = z.testzip()
    infos = z.infolist()
    print(bad, len(infos), sum(i.file_size for i in infos), infos[0].date_time if infos else "-")`;

const JAVA = `import java.util.zip.*; import java.io.*;
class Read { public static void main(String[] a) throws Exception { long n = 0, size = 0; byte[] b = new byte[1 << 20];
  try (ZipInputStream z = new ZipInputStream(new BufferedInputStream(new FileInputStream(a[0]), 1 << 20))) {
    while (z.getNextEntry() != null) { n++; int r; while ((r = z.read(b)) > 0) size += r; z.closeEntry(); } }
  System.out.println(n + " " + size); } }`;

type Want = { readonly entries: number; readonly bytes: number };
type Reader = { readonly program: string; read(path: string, program: string, want: Want): Promise<void> };

/** Java comes last: it is the one that streams, from local headers alone. */
const READERS: readonly Reader[] = [
  {
    program: "unzip",
    async read(path, program, want) {
      // It needs half a minute for the CRC of 4 GiB: there, the directory and the entry behind the large one must do.
      const only = want.bytes > 4 * GIB ? ["after.txt"] : [];
      // Info-ZIP warns of an archive without entries, whoever wrote it.
      const empty = { code: 1, output: expect.stringContaining("zipfile is empty") };
      const result = await run([program, "-tqq", path, ...only]);
      expect(result).toEqual(want.entries === 0 ? empty : { code: 0, output: "" });
    },
  },
  {
    program: "7z",
    async read(path, program) {
      const { code, output } = await run([program, "t", "-bd", path]);
      expect(output).toContain("Everything is Ok");
      expect(output).not.toContain("WARNING");
      expect(code).toBe(0);
    },
  },
  {
    program: "python3",
    async read(path, program, want) {
      const time = want.entries > 0 ? "(2026, 11, 20, 10, 20, 30)" : "-";
      const { output } = await run([program, "-c", PYTHON, path]);
      expect(output.trim()).toBe(`None ${want.entries} ${want.bytes} ${time}`);
    },
  },
  {
    program: "java",
    async read(path, program, want) {
      await writeFile(join(folder, "Read.java"), JAVA);
      expect((await run([program, join(folder, "Read.java"), path])).output.trim()).toBe(
        `${want.entries} ${want.bytes}`,
      );
    },
  },
];

/** Zero bytes without holding them. */
async function* zeros(size: number): AsyncGenerator<Uint8Array> {
  const chunk = new Uint8Array(1024 * 1024);
  for (let left = size; left > 0; left -= chunk.length) yield left < chunk.length ? chunk.subarray(0, left) : chunk;
}

async function* content(source: Source, part: Range): AsyncGenerator<Uint8Array> {
  if (source.kind === "zeros") yield* zeros(part.end - part.start);
  else yield source.bytes.subarray(part.start, part.end);
}

type Source = { readonly kind: "bytes"; readonly bytes: Uint8Array } | { readonly kind: "zeros" };

const ZEROS = Buffer.alloc(1024 * 1024);

/** Writes the archive; a large chunk of nothing but zeros becomes a hole, so that 4 GiB cost no disk. */
async function writeArchive(name: string, { entries, late }: Contents): Promise<string> {
  const plan = planArchive(entries, modified);
  const path = join(folder, name);
  const file = await openFile(path, "w");
  let at = 0;
  const open = async (source: Source, part: Range) => streamOf(content(source, part));
  const chunks = late
    ? openEndedArchive(plan, open, asyncOf(late), { lend: true })
    : archiveBytes(plan, { start: 0, end: plan.size }, open);
  for await (const chunk of chunks) {
    const hole = chunk.length > 32 * 1024 && ZEROS.subarray(0, chunk.length).equals(chunk);
    if (!hole) await file.write(chunk, 0, chunk.length, at);
    at += chunk.length;
  }
  await file.truncate(at);
  await file.close();
  if (!late) expect(at).toBe(plan.size);
  return path;
}

async function* asyncOf<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

function late(name: string, chunks: readonly string[], expected?: number): Late {
  const bytes = asyncOf(chunks.map((chunk) => Buffer.from(chunk)));
  return { name, bytes, size: chunks.join("").length, ...(expected !== undefined && { expected }) };
}

type Late = LateEntry & { readonly size: number };
type Contents = { readonly entries: readonly Entry<Source>[]; readonly late?: readonly Late[] };

function entry(name: string, content: string): Entry<Source> {
  const bytes = Buffer.from(content);
  return { name, size: bytes.length, crc32: crc32(bytes), source: { kind: "bytes", bytes } };
}

async function crcOfZeros(size: number): Promise<number> {
  let value = 0;
  for await (const chunk of zeros(size)) value = crc32(chunk, value);
  return value;
}

type Case = {
  entries(): Promise<readonly Entry<Source>[]> | readonly Entry<Source>[];
  late?(): readonly Late[];
  /** Not all of them, where it takes them minutes. */
  readonly readBy?: readonly string[];
};

const CASES: Record<string, Case> = {
  "nothing but files of unknown length": {
    entries: () => [],
    late: () => [
      late("first.txt", ["of ", "unknown", " length"]),
      late("empty", []),
      late("last.txt", ["x".repeat(70_000)]),
    ],
  },
  "known files and then files of unknown length": {
    entries: () => [entry("été 衛星.tif", "content"), entry("empty", "")],
    late: () => [late("衛星 🛰/far.tif", ["y".repeat(200_000), "z"], 200_001), late("NOTICE.txt", ["one line\n"])],
  },
  "70,000 files of unknown length": {
    entries: () => [],
    late: () => Array.from({ length: 70_000 }, (_, i) => late(`file-${i}.txt`, [`content ${i}`])),
  },
  "a file beyond 4 GiB whose source announced its length, and one after it": {
    entries: () => [],
    late: () => [
      { name: "sparse.bin", size: SPARSE_SIZE, expected: SPARSE_SIZE, bytes: zeros(SPARSE_SIZE) },
      late("after.txt", ["after"]),
    ],
    readBy: ["unzip", "7z", "java"],
  },
  "a file beyond 4 GiB that came unannounced, and one after it": {
    entries: () => [],
    late: () => [{ name: "sparse.bin", size: SPARSE_SIZE, bytes: zeros(SPARSE_SIZE) }, late("after.txt", ["after"])],
    readBy: ["unzip", "java"],
  },
  "an empty archive": { entries: () => [] },
  "names in other scripts, an empty file": {
    entries: () => [entry("été 衛星 🛰.tif", "content"), entry("empty", ""), entry("NOTICE.txt", "one line\n")],
  },
  "70,000 entries": {
    entries: () => Array.from({ length: 70_000 }, (_, i) => entry(`file-${i}.txt`, `content ${i}`)),
  },
  "an entry beyond 4 GiB and one after it": {
    entries: async () => [
      { name: "sparse.bin", size: SPARSE_SIZE, crc32: await crcOfZeros(SPARSE_SIZE), source: { kind: "zeros" } },
      entry("after.txt", "after"),
    ],
  },
};

for (const [label, { entries, late, readBy }] of Object.entries(CASES)) {
  describe(`an archive with ${label}`, () => {
    let path: string;
    let want: Want;
    beforeAll(async () => {
      const contents = { entries: await entries(), ...(late && { late: late() }) };
      const all = [...contents.entries, ...(contents.late ?? [])];
      want = { entries: all.length, bytes: all.reduce((sum, e) => sum + e.size, 0) };
      path = await writeArchive(`${label.replaceAll(/\W+/g, "-")}.zip`, contents);
    }, 60_000);

    for (const reader of READERS.filter(({ program }) => readBy?.includes(program) ?? true)) {
      const program = tool(reader.program);
      test.skipIf(!program)(
        `is read by ${reader.program}${program ? "" : " (not installed)"}`,
        () => reader.read(path, program ?? "", want),
        120_000,
      );
    }
  });
}
