/**
 * RE2 syntax → a PostgreSQL pattern for `~` that matches the same whole texts. PostgreSQL reads other things into the same
 * characters (`\d` by locale, `.` over newlines, back-references), so nothing is passed on: every piece is known and written
 * anew, and what has no equal there is refused with a word about it.
 */

import { compileRegex, RegexError } from "./re2.ts";
import { literal, readCharacterEscape } from "./regex-character.ts";
import { readClass } from "./regex-class.ts";

export type PostgresRegex = { readonly pattern: string; readonly ignoreCase: boolean };

type Reader = { readonly source: string; readonly ignoreCase: boolean; readonly dotAll: boolean; at: number };
/** What to write for the next `length` characters. */
type Piece = { readonly text: string; readonly length: number };

const MAX_REPEAT = 255;
const CLASS_ESCAPES: Readonly<Record<string, string>> = {
  d: "[0-9]",
  D: "[^0-9]",
  w: "[0-9A-Za-z_]",
  W: "[^0-9A-Za-z_]",
  s: "[\\t\\n\\f\\r ]",
  S: "[^\\t\\n\\f\\r ]",
  A: "^",
  z: "$",
};

/** Throws RegexError when `pattern` is not RE2, or cannot be asked of the database. */
export function postgresRegex(pattern: string): PostgresRegex {
  compileRegex(pattern);
  const flags = /^\(\?([is]+)\)/.exec(pattern);
  const reader: Reader = {
    source: pattern,
    ignoreCase: flags?.[1]?.includes("i") ?? false,
    dotAll: flags?.[1]?.includes("s") ?? false,
    at: flags?.[0].length ?? 0,
  };
  let out = "";
  while (reader.at < pattern.length) {
    const piece = readPiece(reader);
    out += piece.text;
    reader.at += piece.length;
  }
  return { pattern: `^(?:${out})$`, ignoreCase: reader.ignoreCase };
}

function readPiece(reader: Reader): Piece {
  const char = String.fromCodePoint(reader.source.codePointAt(reader.at) ?? 0);
  switch (char) {
    case "\\":
      return readEscape(reader);
    case "[":
      return readBrackets(reader);
    case "(":
      return readGroup(reader);
    case ".":
      return { text: reader.dotAll ? "." : "[^\\n]", length: 1 };
    case "*":
    case "+":
    case "?":
      return readQuantifier(reader, char);
    case "{":
      return readRepeat(reader);
    case "^":
    case "$":
    case "|":
    case ")":
      return { text: char, length: 1 };
    default:
      return character(reader, { char, length: char.length });
  }
}

function readEscape(reader: Reader): Piece {
  const rest = reader.source.slice(reader.at);
  const next = rest.charAt(1);
  const quoted = /^\\Q([\s\S]*?)(?:\\E|$)/.exec(rest);
  if (quoted) return { text: literal(quoted[1] ?? ""), length: quoted[0].length };
  const classEscape = CLASS_ESCAPES[next];
  if (classEscape) return { text: classEscape, length: 2 };
  const escaped = readCharacterEscape(rest);
  if (!escaped) throw refusal(reader, `'\\${next}' is not supported in queries`);
  return character(reader, escaped);
}

function readBrackets(reader: Reader): Piece {
  const found = readClass(reader.source, reader.at);
  if (typeof found === "string") throw refusal(reader, found);
  if (reader.ignoreCase && /[^\0-\x7f]/.test(found.text)) throw foreignCase(reader);
  return found;
}

function readGroup(reader: Reader): Piece {
  const rest = reader.source.slice(reader.at);
  const opened = /^\((?:\?:|\?P?<\w+>|(?!\?))/.exec(rest);
  if (!opened) throw refusal(reader, "flags are supported as '(?i)' or '(?s)' at its beginning only");
  return { text: "(?:", length: opened[0].length };
}

/** Whether a quantifier is greedy changes where a match ends, never whether there is one. */
function readQuantifier(reader: Reader, text: string, length = 1): Piece {
  const lazy = reader.source.charAt(reader.at + length) === "?" ? 1 : 0;
  return { text, length: length + lazy };
}

function readRepeat(reader: Reader): Piece {
  const found = /^\{(\d*)(,?)(\d*)\}/.exec(reader.source.slice(reader.at));
  if (!found || found[0] === "{}" || found[0] === "{,}") return character(reader, { char: "{", length: 1 });
  const [text, least = "", comma = "", most = ""] = found;
  if (least === "") throw refusal(reader, `'${text}' needs its lower bound, as in '{0,${most}}'`);
  if (Math.max(Number(least), Number(most)) > MAX_REPEAT)
    throw refusal(reader, `'${text}' repeats more than ${MAX_REPEAT} times`);
  return readQuantifier(reader, `{${Number(least)}${comma}${most === "" ? "" : Number(most)}}`, text.length);
}

function character(reader: Reader, found: { char: string; length: number }): Piece {
  if (found.char === "\0") throw refusal(reader, "the character NUL cannot be stored");
  if (reader.ignoreCase && found.char > "\x7f") throw foreignCase(reader);
  return { text: literal(found.char), length: found.length };
}

function foreignCase(reader: Reader): RegexError {
  return refusal(reader, "'(?i)' is supported with ASCII characters only");
}

function refusal(reader: Reader, reason: string): RegexError {
  return new RegexError(reader.source, reason);
}
