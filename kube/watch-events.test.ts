import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isGone } from "./errors.ts";
import { decodeWatch, jsonLines } from "./watch-events.ts";

function bodyOf(chunks: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** Cuts bytes at the places given. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const sorted = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return sorted.slice(1).map((end, i) => bytes.slice(sorted[i], end));
}

describe("jsonLines()", () => {
  test("gives the same lines wherever the bytes are cut, also inside a character", async () => {
    const line = fc.string({ unit: "grapheme", minLength: 1 }).map((text) => JSON.stringify({ text }));
    await fc.assert(
      fc.asyncProperty(fc.array(line), fc.array(fc.nat()), async (lines, places) => {
        const bytes = new TextEncoder().encode(lines.map((text) => `${text}\n`).join(""));
        expect(await collect(jsonLines(bodyOf(cut(bytes, places))))).toEqual(lines);
      }),
      { numRuns: 200 },
    );
  });

  test("drops a line that the end cut short, and empty lines", async () => {
    expect(await collect(jsonLines(bodyOf([new TextEncoder().encode('{"a":1}\n\n{"b"')])))).toEqual(['{"a":1}']);
  });

  test("cancels the body and throws the reason when aborted in the middle of silence", async () => {
    let cancelled: unknown;
    const body = new ReadableStream<Uint8Array>({
      cancel(reason) {
        cancelled = reason;
      },
    });
    const controller = new AbortController();
    const reading = collect(jsonLines(body, controller.signal));
    const reason = new Error("enough");
    controller.abort(reason);
    await expect(reading).rejects.toBe(reason);
    expect(cancelled).toBe(reason);
  });

  test("cancels the body when its reader stops early", async () => {
    let cancelled = false;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode("1\n2\n")),
      cancel() {
        cancelled = true;
      },
    });
    for await (const line of jsonLines(body)) {
      expect(line).toBe("1");
      break;
    }
    expect(cancelled).toBe(true);
  });
});

describe("decodeWatch()", () => {
  const lines = (events: readonly object[]) =>
    bodyOf([new TextEncoder().encode(events.map((event) => `${JSON.stringify(event)}\n`).join(""))]);
  const object = { metadata: { name: "a", resourceVersion: "4" } };

  test("translates every type and skips one that it does not know", async () => {
    const types = ["ADDED", "MODIFIED", "DELETED", "SURPRISE", "BOOKMARK"];
    const body = lines(types.map((type) => ({ type, object })));
    expect(await collect(decodeWatch(body, { resource: "jobs" }))).toEqual([
      { kind: "added", object },
      { kind: "updated", object },
      { kind: "deleted", object },
      { kind: "bookmark", resourceVersion: "4" },
    ]);
  });

  test("throws an ERROR event as what it says", async () => {
    const body = lines([
      { type: "ERROR", object: { kind: "Status", code: 410, reason: "Expired", message: "too old" } },
    ]);
    const error = await collect(decodeWatch(body, { resource: "jobs" })).catch((error: unknown) => error);
    expect(isGone(error)).toBe(true);
    expect(String(error)).toContain("Cannot watch jobs: too old");
  });

  test("lets go of the connection when its reader stops early", async () => {
    let cancelled = false;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) =>
        controller.enqueue(new TextEncoder().encode(`${JSON.stringify({ type: "ADDED", object })}\n`)),
      cancel() {
        cancelled = true;
      },
    });
    for await (const event of decodeWatch(body, { resource: "jobs" })) {
      expect(event.kind).toBe("added");
      break;
    }
    expect(cancelled).toBe(true);
  });
});
