/**
 * Decides which part of a word is the field and which the value, because both may hold colons: `eo:cloud_cover:5`,
 * `date:2015-07-10T10:15:30Z`. A date-time at the end is the value; otherwise the value is what follows the last colon.
 */
import type { Segment } from "./lexer.ts";
import { QuerySyntaxError } from "./syntax-error.ts";
import type { Field, Match } from "./tree.ts";

type Word = { readonly segments: readonly Segment[]; readonly at: number };

/** `value` is absent when the word ends with its colon: the value is the next token. */
export type FieldAndValue = { readonly field?: Field; readonly value?: readonly Segment[] };

const DATE_TIME = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d(:\d\d([.,]\d+)?)?([Zz]|[+-]\d\d(:?\d\d)?)?$/;

export function splitWord(word: Word): FieldAndValue {
  const { segments } = word;
  const last = segments.length - 1;
  if (last === 0) return { value: segments };
  if (segments[last]?.raw === "") return { field: fieldOf({ segments: segments.slice(0, last), at: word.at }) };
  const cut = dateStart(segments) ?? last;
  const value = segments.slice(cut);
  return cut === 0 ? { value } : { field: fieldOf({ segments: segments.slice(0, cut), at: word.at }), value };
}

/** Index of the segment where a date-time that reaches the word's end begins. */
function dateStart(segments: readonly Segment[]): number | undefined {
  const from = Math.max(0, segments.length - 4);
  for (let start = from; start < segments.length - 1; start++) {
    if (DATE_TIME.test(joinText(segments.slice(start)))) return start;
  }
  return undefined;
}

/** The whole word as a field name, with its `@text` or `@keyword`. */
export function fieldOf(word: Word): Field {
  const written = word.segments.map((segment) => segment.raw).join(":");
  const name = joinText(word.segments);
  const mode = /(?<!\\)(?:\\\\)*@(text|keyword)$/.exec(written)?.[1] as Field["mode"] | undefined;
  const bare = mode ? name.slice(0, -mode.length - 1) : name;
  if (bare === "") throw new QuerySyntaxError("expected a field name", word.at + 1);
  return mode ? { name: bare, mode } : { name: bare };
}

/** What an unquoted value asks of a field; a lone `*` is for the caller. */
export function matchOf(segments: readonly Segment[]): Match {
  if (!segments.some((segment) => segment.wild)) return { kind: "contains", value: joinText(segments) };
  return { kind: "wildcard", pattern: segments.map((segment) => segment.pattern).join(":") };
}

export function isAnything(match: Match): boolean {
  if (match.kind === "wildcard") return /^\*+$/.test(match.pattern);
  return match.kind === "regex" && match.pattern === ".*";
}

export function joinText(segments: readonly Segment[]): string {
  return segments.map((segment) => segment.text).join(":");
}
