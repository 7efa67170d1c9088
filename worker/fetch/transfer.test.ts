import { afterEach, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import type { SourceSettings } from "#sources/guard/rules.ts";
import { openSources } from "#sources/open.ts";
import { type SourceFile, type SourceServer, sourceServer } from "#test/support/source-server.ts";
import type { Sink } from "./copy.ts";
import { DEFAULT_POLICY, type FetchPolicy } from "./policy.ts";
import { type TransferOptions, transfer } from "./transfer.ts";

const now = () => new Date();
const KB = 1024;

let server: SourceServer | undefined;
afterEach(() => server?.stop());

/** A staging place in memory. */
class MemorySink implements Sink {
  parts: Uint8Array[] = [];
  truncated = 0;
  failWith: Error | undefined;
  constructor(initial?: Uint8Array) {
    if (initial) this.parts.push(initial);
  }
  get size() {
    return this.parts.reduce((sum, part) => sum + part.length, 0);
  }
  get bytes() {
    return Buffer.concat(this.parts);
  }
  read() {
    const parts = [...this.parts];
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        for (const part of parts) controller.enqueue(part);
        controller.close();
      },
    });
  }
  async write(chunk: Uint8Array) {
    if (this.failWith) throw this.failWith;
    this.parts.push(chunk.slice());
  }
  async truncate() {
    this.truncated++;
    this.parts = [];
  }
}

type Given = {
  file?: Partial<SourceFile> & { bytes: Uint8Array };
  path?: string;
  sink?: MemorySink;
  options?: Partial<TransferOptions>;
  policy?: Partial<FetchPolicy>;
  settings?: Partial<SourceSettings>;
};

async function run({ file, path = "/file", sink = new MemorySink(), options, policy, settings }: Given) {
  server ??= await sourceServer();
  if (file) server.files.set("/file", file);
  const source = openSources(
    {
      allowed_source_schemes: ["http", "https", "s3", "file"],
      allowed_source_hosts: ["*"],
      allowed_private_networks: [`127.0.0.1:${server.port}`],
      allowed_file_roots: [],
      max_file_bytes: 0,
      ...settings,
    },
    { env: {}, now },
  );
  const result = await transfer(path.includes(":") ? path : server.url + path, {
    source,
    sink,
    hash: undefined,
    limit: undefined,
    trustStaged: false,
    onVersion: async () => {},
    policy: { ...DEFAULT_POLICY, tries: 3, backoff: { baseMs: 1, maxMs: 2 }, stallMs: 2000, ...policy },
    random: () => 0.5,
    signal: new AbortController().signal,
    ...options,
  });
  return { result, sink, server };
}

afterEach(() => {
  server = undefined;
});

describe("transfer()", () => {
  test("transfer() brings a whole file and hashes it", async () => {
    const bytes = randomBytes(700 * KB);
    const { result, sink } = await run({ file: { bytes } });
    expect(sink.bytes.equals(bytes)).toBe(true);
    expect(result).toEqual({
      kind: "complete",
      digested: {
        size: bytes.length,
        sha256: new Bun.CryptoHasher("sha256").update(bytes).digest("hex"),
        crc32: Bun.hash.crc32(bytes),
      },
    });
  });

  test("transfer() resumes a cut connection at the byte it reached", async () => {
    const bytes = randomBytes(600 * KB);
    const { result, sink, server } = await run({ file: { bytes, etag: '"v1"', cut: { after: 200 * KB, times: 2 } } });
    expect(result.kind).toBe("complete");
    expect(sink.bytes.equals(bytes)).toBe(true);
    expect(server.requests.length).toBe(3);
    expect(server.requests[1]).toMatchObject({ range: expect.stringMatching(/^bytes=[1-9]/), ifRange: '"v1"' });
    expect(sink.truncated).toBe(0);
  });

  test("transfer() forgives any number of cuts as long as bytes come", async () => {
    const bytes = randomBytes(400 * KB);
    const { result, sink } = await run({ file: { bytes, etag: '"v1"', cut: { after: 40 * KB, times: 9 } } });
    expect(result.kind).toBe("complete");
    expect(sink.bytes.equals(bytes)).toBe(true);
  });

  test("transfer() cuts a stalled transfer and resumes it", async () => {
    const bytes = randomBytes(300 * KB);
    const { result, sink, server } = await run({
      file: { bytes, etag: '"v1"', stall: { after: 100 * KB, times: 1 } },
      policy: { stallMs: 300 },
    });
    expect(result.kind).toBe("complete");
    expect(sink.bytes.equals(bytes)).toBe(true);
    expect(server.requests[1]?.range).toMatch(/^bytes=[1-9]/);
  });

  test("transfer() begins again when the source changed meanwhile", async () => {
    const old = randomBytes(300 * KB);
    const bytes = randomBytes(250 * KB);
    const file: SourceFile = { bytes: old, etag: '"v1"', cut: { after: 100 * KB, times: 1 } };
    server = await sourceServer({ "/file": file });
    const running = run({ options: { onVersion: async () => {} } });
    const waitUntil = Date.now() + 5000;
    while (server.sent() < 100 * KB && Date.now() < waitUntil) await Bun.sleep(1);
    file.bytes = bytes;
    file.etag = '"v2"';
    const { result, sink } = await running;
    expect(result.kind).toBe("complete");
    expect(sink.bytes.equals(bytes)).toBe(true);
  });

  test("transfer() takes the whole file from a source that knows no ranges", async () => {
    const bytes = randomBytes(300 * KB);
    const { sink } = await run({ file: { bytes, ignoreRange: true, cut: { after: 100 * KB, times: 1 } } });
    expect(sink.bytes.equals(bytes)).toBe(true);
    expect(sink.truncated).toBe(1);
  });

  test("transfer() goes on with what an earlier run staged", async () => {
    const bytes = randomBytes(300 * KB);
    const { result, sink, server } = await run({
      file: { bytes },
      sink: new MemorySink(bytes.subarray(0, 100 * KB)),
      options: { trustStaged: true },
    });
    expect(result).toMatchObject({ kind: "complete", digested: { crc32: Bun.hash.crc32(bytes) } });
    expect(sink.bytes.equals(bytes)).toBe(true);
    expect(server.requests).toEqual([expect.objectContaining({ range: `bytes=${100 * KB}-` })]);
  });

  test("transfer() needs no byte when everything is staged already", async () => {
    const bytes = randomBytes(50 * KB);
    const { result, server } = await run({
      file: { bytes },
      sink: new MemorySink(bytes),
      options: { trustStaged: true },
    });
    expect(result).toMatchObject({ kind: "complete", digested: { size: bytes.length } });
    expect(server.sent()).toBe(0);
  });

  test("transfer() begins again when more is staged than the source has", async () => {
    const bytes = randomBytes(10 * KB);
    const { sink } = await run({
      file: { bytes },
      sink: new MemorySink(randomBytes(20 * KB)),
      options: { trustStaged: true },
    });
    expect(sink.bytes.equals(bytes)).toBe(true);
  });

  test("transfer() throws away staged bytes whose version nobody knows", async () => {
    const bytes = randomBytes(10 * KB);
    const { sink, server } = await run({ file: { bytes }, sink: new MemorySink(randomBytes(5 * KB)) });
    expect(sink.bytes.equals(bytes)).toBe(true);
    expect(server.requests[0]?.range).toBeUndefined();
  });

  const refusals: Record<
    string,
    { status: number; headers?: Record<string, string>; want: object; requests?: number }
  > = {
    "404 as final": { status: 404, want: { kind: "failed", reason: expect.stringContaining("404 Not Found") } },
    "403 as final": { status: 403, want: { kind: "failed", reason: expect.stringContaining("403") } },
    "410 as final": { status: 410, want: { kind: "failed", reason: expect.stringContaining("410 Gone") } },
    "202 as not ready": { status: 202, want: { kind: "notReady", retryAfterMs: 60_000 } },
    "202 with Retry-After": {
      status: 202,
      headers: { "retry-after": "7" },
      want: { kind: "notReady", retryAfterMs: 7000 },
    },
    "503 with a long Retry-After as not ready": {
      status: 503,
      headers: { "retry-after": "3600" },
      want: { kind: "notReady", retryAfterMs: 3_600_000 },
    },
    "429 that never ends as not ready": { status: 429, want: { kind: "notReady" }, requests: 3 },
    "500 that never ends as failed": {
      status: 500,
      want: { kind: "failed", reason: expect.stringContaining("(3 tries)") },
      requests: 3,
    },
  };
  for (const [name, { status, headers, want, requests = 1 }] of Object.entries(refusals)) {
    test(`transfer() takes ${name}`, async () => {
      const first = Array.from({ length: 5 }, () => ({ status, ...(headers ? { headers } : {}) }));
      const { result, server } = await run({ file: { bytes: randomBytes(10), first } });
      expect(result).toMatchObject(want);
      expect(server.requests.length).toBe(requests);
    });
  }

  test("transfer() waits as long as Retry-After says, then goes on", async () => {
    const bytes = randomBytes(10);
    const before = performance.now();
    const { result } = await run({
      file: { bytes, first: [{ status: 503, headers: { "retry-after": "1" } }, { status: 502 }] },
    });
    expect(result.kind).toBe("complete");
    expect(performance.now() - before).toBeGreaterThan(950);
  });

  test("transfer() follows redirects", async () => {
    const bytes = randomBytes(10);
    server = await sourceServer({
      "/file": { bytes },
      "/moved": { bytes, first: [{ status: 302, headers: { location: "/file" } }] },
    });
    expect((await run({ path: "/moved" })).result.kind).toBe("complete");
  });

  const redirects: Record<string, { location: string; want: RegExp }> = {
    "a private address": { location: "http://169.254.169.254/latest/meta-data", want: /private or reserved/ },
    "another port of this machine": { location: "http://127.0.0.1:1/x", want: /private or reserved/ },
    "a file": { location: "file:///etc/passwd", want: /it leaves HTTP/ },
    "itself without end": { location: "/file", want: /more than 10 redirects/ },
  };
  for (const [name, { location, want }] of Object.entries(redirects)) {
    test(`transfer() refuses a redirect to ${name}`, async () => {
      const first = Array.from({ length: 20 }, () => ({ status: 302, headers: { location } }));
      const { result } = await run({ file: { bytes: randomBytes(10), first } });
      expect(result).toMatchObject({ kind: "failed", reason: expect.stringMatching(want) });
    });
  }

  test("transfer() sends the password of a URI as basic authorisation and never shows it", async () => {
    server = await sourceServer({ "/file": { bytes: randomBytes(10), first: [{ status: 401 }] } });
    const { result } = await run({ path: `http://user:geheim@127.0.0.1:${server.port}/file` });
    expect(server.requests[0]?.authorization).toBe(`Basic ${btoa("user:geheim")}`);
    expect(result).toMatchObject({ kind: "failed", reason: expect.not.stringContaining("geheim") });
  });

  test("transfer() stops an endless body at the limit", async () => {
    const { result, sink } = await run({
      file: { bytes: randomBytes(900 * KB), hideLength: true },
      options: { limit: { bytes: 300 * KB, reason: () => "too large" } },
    });
    expect(result).toEqual({ kind: "failed", reason: "too large" });
    expect(sink.size).toBeLessThanOrEqual(300 * KB);
  });

  test("transfer() refuses a body that announces more than the limit before it takes a byte", async () => {
    const { sink } = await run({
      file: { bytes: randomBytes(900 * KB) },
      options: { limit: { bytes: 300 * KB, reason: () => "too large" } },
    });
    expect(sink.size).toBe(0);
  });

  test("transfer() throws when our own storage fails, without blaming the file", async () => {
    const sink = new MemorySink();
    sink.failWith = Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
    expect(run({ file: { bytes: randomBytes(10) }, sink })).rejects.toThrow(
      "Cannot store bytes: no space left on device",
    );
  });

  test("transfer() leaves at once when it is told to stop and keeps what is staged", async () => {
    const stop = new AbortController();
    const sink = new MemorySink();
    const bytes = randomBytes(500 * KB);
    server = await sourceServer({ "/file": { bytes, pace: { pieceBytes: 10 * KB, everyMs: 20 } } });
    const running = run({ sink, options: { signal: stop.signal } });
    const waitUntil = Date.now() + 5000;
    while (sink.size === 0 && Date.now() < waitUntil) await Bun.sleep(1);
    stop.abort();
    const before = performance.now();
    expect(running).rejects.toThrow();
    await running.catch(() => {});
    expect(performance.now() - before).toBeLessThan(1000);
    expect(sink.bytes.equals(bytes.subarray(0, sink.size))).toBe(true);
    expect(sink.size).toBeGreaterThan(0);
  });

  test("transfer() reports a name that does not resolve", async () => {
    const { result } = await run({ path: "http://no-such-host.invalid/x" });
    expect(result).toMatchObject({
      kind: "failed",
      reason: expect.stringMatching(/Cannot reach 'http:\/\/no-such-host.invalid\/x'/),
    });
  });
});
