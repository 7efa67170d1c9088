/**
 * A bracket expression of RE2 → one of PostgreSQL with the same characters. Classes are spelled out as ASCII ranges,
 * because PostgreSQL's own follow the database's locale and may not be negated within brackets.
 */
import { readCharacterEscape } from "./regex-character.ts";

type Piece = { readonly text: string; readonly length: number };

const NAMED: Readonly<Record<string, string>> = {
  alnum: "0-9A-Za-z",
  alpha: "A-Za-z",
  ascii: "\\u0001-\\u007f",
  blank: "\\t ",
  cntrl: "\\u0001-\\u001f\\u007f",
  digit: "0-9",
  graph: "!-\\~",
  lower: "a-z",
  print: " -\\~",
  punct: "!-\\/\\:-@\\[-`\\{-\\~",
  space: "\\t\\n\\v\\f\\r ",
  upper: "A-Z",
  word: "0-9A-Za-z_",
  xdigit: "0-9A-Fa-f",
};
const PERL: Readonly<Record<string, string>> = {
  d: "0-9",
  D: "\\u0001-\\/\\:-\\U0010ffff",
  w: "0-9A-Za-z_",
  W: "\\u0001-\\/\\:-@\\[-\\^`\\{-\\U0010ffff",
  s: "\\t\\n\\f\\r ",
  S: "\\u0001-\\u0008\\u000b\\u000e-\\u001f!-\\U0010ffff",
};

/** The bracket expression that begins at `start`, or why it cannot be asked of the database. The pattern is valid RE2. */
export function readClass(source: string, start: number): Piece | string {
  let at = start + 1;
  let out = "[";
  if (source.charAt(at) === "^") {
    out += "^";
    at++;
  }
  for (let first = true; first || source.charAt(at) !== "]"; first = false) {
    const item = readItem(source.slice(at));
    if (typeof item === "string") return item;
    out += item.text;
    at += item.length;
  }
  return { text: `${out}]`, length: at + 1 - start };
}

function readItem(rest: string): Piece | string {
  const named = /^\[:(\^?)(\w+):\]/.exec(rest);
  if (named) {
    const ranges = NAMED[named[2] ?? ""];
    if (!ranges || named[1]) return `'${named[0]}' is not supported in queries`;
    return { text: ranges, length: named[0].length };
  }
  const perl = rest.startsWith("\\") ? PERL[rest.charAt(1)] : undefined;
  if (perl) return { text: perl, length: 2 };
  const from = readCharacter(rest);
  if (typeof from === "string") return from;
  const after = rest.slice(from.length);
  if (!after.startsWith("-") || after.startsWith("-]")) return from;
  const to = readCharacter(after.slice(1));
  if (typeof to === "string") return to;
  return { text: `${from.text}-${to.text}`, length: from.length + 1 + to.length };
}

function readCharacter(rest: string): Piece | string {
  const plain = String.fromCodePoint(rest.codePointAt(0) ?? 0);
  const found = plain === "\\" ? readCharacterEscape(rest) : { char: plain, length: plain.length };
  if (!found) return `'\\${rest.charAt(1)}' is not supported in queries`;
  if (found.char === "\0") return "the character NUL cannot be stored";
  return { text: /[!-/:-@[-`{-~]/.test(found.char) ? `\\${found.char}` : found.char, length: found.length };
}
