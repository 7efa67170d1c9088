/**
 * HTTP's conditional and range requests (RFC 9110 §13, §14), as far as downloads need them: one range, strong tags.
 * Several ranges at once are answered with the whole, which the RFC allows and every client takes.
 */

/** Bytes `start` to `end` (exclusive). */
export type ByteRange = { readonly start: number; readonly end: number };

export type RangeAnswer =
  | { readonly kind: "whole" }
  | { readonly kind: "part"; readonly range: ByteRange }
  | { readonly kind: "unsatisfiable" };

/** What a Range header asks of something with `size` bytes; a header that is not understood asks for the whole. */
export function parseRange(header: string | null, size: number): RangeAnswer {
  const match = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i.exec(header ?? "");
  if (!match) return { kind: "whole" };
  const [first, last] = [match[1] ?? "", match[2] ?? ""];
  if (first === "" && last === "") return { kind: "whole" };
  if (first === "") {
    const count = Number(last);
    if (count === 0 || size === 0) return { kind: "unsatisfiable" };
    return { kind: "part", range: { start: Math.max(size - count, 0), end: size } };
  }
  const start = Number(first);
  const end = last === "" ? size : Math.min(Number(last) + 1, size);
  if (last !== "" && Number(last) < start) return { kind: "whole" };
  if (start >= size) return { kind: "unsatisfiable" };
  return { kind: "part", range: { start, end } };
}

/** The tags of an `If-Match`-like header, with their quotes; weak ones are left out, since none of ours is. */
export function strongTags(header: string | null): readonly string[] {
  const tags: readonly string[] = (header ?? "").match(/(?:W\/)?"[^"]*"/g) ?? [];
  return tags.filter((tag) => !tag.startsWith("W/"));
}

/** Whether `If-None-Match` holds for this tag: the client has it. It compares weakly, so a proxy's `W/` does not matter. */
export function noneMatchHits(header: string | null, etag: string): boolean {
  if (header === null) return false;
  const tags: readonly string[] = header.match(/"[^"]*"/g) ?? [];
  return header.trim() === "*" || tags.includes(etag);
}

/** Headers of an answer that may be asked for in parts. */
export function rangeHeaders(answer: RangeAnswer, size: number): Readonly<Record<string, string>> {
  switch (answer.kind) {
    case "whole":
      return { "accept-ranges": "bytes", "content-length": `${size}` };
    case "part": {
      const { start, end } = answer.range;
      return {
        "accept-ranges": "bytes",
        "content-length": `${end - start}`,
        "content-range": `bytes ${start}-${end - 1}/${size}`,
      };
    }
    case "unsatisfiable":
      return { "accept-ranges": "bytes", "content-range": `bytes */${size}` };
    default:
      return answer satisfies never;
  }
}

/** `attachment` with a name: plain ASCII for old clients, UTF-8 by RFC 6266 for all others. */
export function attachment(name: string): string {
  const plain = name.replaceAll(/[^\x20-\x7e]|["\\%]/g, "_");
  const encoded = encodeURIComponent(name.toWellFormed()).replaceAll(
    /['()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return plain === name
    ? `attachment; filename="${plain}"`
    : `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
