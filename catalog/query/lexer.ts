/**
 * Cuts a query into tokens. Colons do not end a word here: `eo:cloud_cover:[0 TO 60]` and `date:2015-07-10T10:15:30Z` look
 * alike up to the end, so a word keeps its parts between colons and words.ts decides which of them are the field.
 */
import { QUERY_LIMITS } from "./limits.ts";
import { QuerySyntaxError } from "./syntax-error.ts";

/** A part of a word between unescaped colons: as written, without escapes, and with only `*`, `?`, `\` still escaped. */
export type Segment = { readonly raw: string; readonly text: string; readonly pattern: string; readonly wild: boolean };

export type Comparison = "=" | "<" | "<=" | ">" | ">=";

export type Token = { readonly at: number; readonly end: number } & (
  | { readonly kind: "word"; readonly segments: readonly Segment[]; readonly raw: string }
  | { readonly kind: "quoted"; readonly value: string }
  | { readonly kind: "regex"; readonly pattern: string }
  | { readonly kind: "compare"; readonly operator: Comparison }
  | { readonly kind: "and" | "or" | "not" | "plus" | "minus" | "(" | ")" | "[" | "]" | "{" | "}" | ":" | "end" }
);

const SPACE = /[\s\u3000]/u;
const ENDS_WORD = new Set(["(", ")", "[", "]", "{", "}", '"', "!", "<", ">", "="]);
const SINGLE = new Map([
  ["(", "("],
  [")", ")"],
  ["[", "["],
  ["]", "]"],
  ["{", "{"],
  ["}", "}"],
  ["+", "plus"],
  ["-", "minus"],
  ["!", "not"],
] as const);
const KEYWORDS = new Map([
  ["AND", "and"],
  ["OR", "or"],
  ["NOT", "not"],
] as const);

/** All tokens of `source`, the last of kind `end`. */
export function tokenize(source: string): Token[] {
  if (source.length > QUERY_LIMITS.length) {
    throw new QuerySyntaxError(`expected at most ${QUERY_LIMITS.length} characters`, QUERY_LIMITS.length + 1);
  }
  const bad = firstBadCharacter(source);
  if (bad !== undefined) throw new QuerySyntaxError("expected a character that can be stored", bad + 1);
  const tokens: Token[] = [];
  let at = 0;
  for (;;) {
    at = skipSpace(source, at);
    if (at >= source.length) break;
    const token = readToken(source, at, tokens.at(-1));
    tokens.push(token);
    at = token.end;
  }
  tokens.push({ kind: "end", at: source.length, end: source.length });
  return tokens;
}

/** PostgreSQL text holds neither NUL nor half a surrogate pair. */
function firstBadCharacter(source: string): number | undefined {
  const at = source.search(/\0|\p{Surrogate}/u);
  return at < 0 ? undefined : at;
}

function skipSpace(source: string, from: number): number {
  let at = from;
  while (at < source.length && SPACE.test(source.charAt(at))) at++;
  return at;
}

function readToken(source: string, at: number, before: Token | undefined): Token {
  const char = source.charAt(at);
  if (char === '"') return readQuoted(source, at);
  if (char === "/") return readRegex(source, at);
  if (char === ":") return { kind: ":", at, end: at + 1 };
  if (char === "~" || char === "^") throw unsupported(char, at);
  if (char === "<" || char === ">" || char === "=") return readComparison(source, at);
  const doubled = source.slice(at, at + 2);
  if (doubled === "&&") return { kind: "and", at, end: at + 2 };
  if (doubled === "||") return { kind: "or", at, end: at + 2 };
  const single = SINGLE.get(char as never);
  if (single && !startsNumber(source, at, before)) return { kind: single, at, end: at + 1 };
  return readWord(source, at);
}

/** After `field:`, `field>=`, inside a range: a sign is part of the number, not an operator. */
function startsNumber(source: string, at: number, before: Token | undefined): boolean {
  const char = source.charAt(at);
  if (char !== "-" && char !== "+") return false;
  if (!/[\d.]/.test(source.charAt(at + 1))) return false;
  return before !== undefined && takesValue(before);
}

function takesValue(before: Token): boolean {
  if (before.kind === "compare" || before.kind === ":" || before.kind === "[" || before.kind === "{") return true;
  if (before.kind !== "word") return false;
  return before.raw === "TO" || (before.segments.length > 1 && before.segments.at(-1)?.raw === "");
}

function readQuoted(source: string, at: number): Token {
  let value = "";
  for (let i = at + 1; i < source.length; i++) {
    const char = source.charAt(i);
    if (char === '"') return { kind: "quoted", value, at, end: i + 1 };
    if (char === "\\") i++;
    value += source.charAt(i);
  }
  throw new QuerySyntaxError("expected '\"' that closes the one", at + 1);
}

function readRegex(source: string, at: number): Token {
  let pattern = "";
  for (let i = at + 1; i < source.length; i++) {
    const char = source.charAt(i);
    if (char === "/") return closedRegex(source, { pattern, at, end: i + 1 });
    const escaped = char === "\\" ? source.charAt(i + 1) : "";
    if (escaped) i++;
    pattern += escaped === "/" ? "/" : char + escaped;
  }
  throw new QuerySyntaxError("expected '/' that closes the regular expression begun", at + 1);
}

function closedRegex(source: string, found: { pattern: string; at: number; end: number }): Token {
  const next = source.charAt(found.end);
  if (next !== "" && next !== ")" && !SPACE.test(next)) {
    throw new QuerySyntaxError(
      "expected a space after the regular expression (quote a value that holds '/')",
      found.end + 1,
    );
  }
  return { kind: "regex", ...found };
}

function readComparison(source: string, at: number): Token {
  const two = source.slice(at, at + 2);
  if (two === "<=" || two === ">=") return { kind: "compare", operator: two, at, end: at + 2 };
  return { kind: "compare", operator: source.charAt(at) as "=" | "<" | ">", at, end: at + 1 };
}

function readWord(source: string, at: number): Token {
  let end = at;
  while (end < source.length && !endsWord(source, end)) {
    const char = source.charAt(end);
    if (char === "~" || char === "^") throw unsupported(char, end);
    if (char === "\\" && end + 1 >= source.length)
      throw new QuerySyntaxError("expected a character after '\\'", end + 2);
    end += char === "\\" ? 2 : 1;
  }
  const raw = source.slice(at, end);
  const keyword = KEYWORDS.get(raw as never);
  if (keyword) return { kind: keyword, at, end };
  return { kind: "word", segments: splitAtColons(raw).map(readSegment), raw, at, end };
}

function splitAtColons(raw: string): string[] {
  const parts = [""];
  for (const piece of raw.match(/\\[\s\S]|[\s\S]/g) ?? []) {
    if (piece === ":") parts.push("");
    else parts.push(`${parts.pop() ?? ""}${piece}`);
  }
  return parts;
}

function readSegment(raw: string): Segment {
  const text = raw.replaceAll(/\\([\s\S])/g, "$1");
  const pattern = raw.replaceAll(/\\([\s\S])/g, (pair, char: string) => (/[*?\\]/.test(char) ? pair : char));
  const wild = /[*?]/.test(raw.replaceAll(/\\[\s\S]/g, ""));
  return { raw, text, pattern, wild };
}

/** Besides brackets and spaces: what follows a colon and opens a value of its own, as in `field:/x/` or `field:"x"`. */
function endsWord(source: string, i: number): boolean {
  const char = source.charAt(i);
  if (SPACE.test(char) || ENDS_WORD.has(char)) return true;
  if (char === "/") return i > 0 && source.charAt(i - 1) === ":" && !isEscaped(source, i - 1);
  if (char === "&" || char === "|") return source.charAt(i + 1) === char;
  return false;
}

function isEscaped(source: string, at: number): boolean {
  let slashes = 0;
  while (source.charAt(at - 1 - slashes) === "\\") slashes++;
  return slashes % 2 === 1;
}

function unsupported(char: string, at: number): QuerySyntaxError {
  const what = char === "~" ? "fuzzy search and slop '~' are" : "boost '^' is";
  return new QuerySyntaxError(`${what} not supported, expected '\\${char}' for the character itself`, at + 1);
}
