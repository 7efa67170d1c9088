/**
 * Tests of one text. Keyword mode (the default) compares characters as they are; text mode asks for whole words, whatever their case.
 */
import { FieldError } from "./field-error.ts";
import type { Params } from "./params.ts";
import { postgresRegex } from "./postgres-regex.ts";
import { literal } from "./regex-character.ts";
import type { Field, Match } from "./tree.ts";

export type TextMatch = Exclude<Match, { kind: "range" }>;

/** `sql` is a text expression. */
export function textTest(sql: string, match: TextMatch, options: { params: Params; mode: Field["mode"] }): string {
  const { params } = options;
  if (match.kind === "regex") {
    const { pattern, ignoreCase } = postgresRegex(match.pattern);
    return `${sql} ${ignoreCase || options.mode === "text" ? "~*" : "~"} ${params.add(pattern, "text")}`;
  }
  if (options.mode === "text") return `${sql} ~* ${params.add(wordsPattern(match), "text")}`;
  switch (match.kind) {
    case "exact":
      return `${sql} = ${params.add(match.value, "text")}`;
    case "contains":
      return `strpos(${sql}, ${params.add(match.value, "text")}) > 0`;
    case "wildcard":
      return `${sql} LIKE ${params.add(likePattern(match.pattern), "text")}`;
    default:
      return match satisfies never;
  }
}

/** The texts of a wildcard pattern: what stands literally, and `*` and `?` apart. */
export function wildcardPattern(
  pattern: string,
  to: { literal(text: string): string; any: string; one: string },
): string {
  return pattern.replaceAll(/\\([\s\S])|([*?])|([^\\*?]+)/gu, (_, escaped?: string, wild?: string, plain?: string) => {
    if (wild) return wild === "*" ? to.any : to.one;
    return to.literal(escaped ?? plain ?? "");
  });
}

function likePattern(pattern: string): string {
  return wildcardPattern(pattern, { literal: (text) => text.replaceAll(/[\\%_]/g, "\\$&"), any: "%", one: "_" });
}

/** All the words, in this order when quoted, in any order otherwise. */
function wordsPattern(match: Exclude<TextMatch, { kind: "regex" }>): string {
  if (match.kind === "wildcard") return `\\m${wildcardPattern(match.pattern, { literal, any: "\\w*", one: "\\w" })}\\M`;
  const words = match.value.match(/[\p{L}\p{N}_]+/gu);
  if (!words) throw new FieldError(`Cannot search for words in '${match.value}': it has none`);
  if (match.kind === "exact") return `\\m${words.map(literal).join("\\W+")}\\M`;
  return `^${words.map((word) => `(?=.*\\m${literal(word)}\\M)`).join("")}`;
}
