/**
 * Regular expressions of users: RE2 syntax, matched in linear time, bounded in size. Back-references and look-around do not exist in it.
 * Compiled expressions are kept, because a filter meets every file of an order.
 */
import { RE2JS, RE2JSException } from "re2js";
import { QUERY_LIMITS } from "./limits.ts";

/** Why a regular expression cannot be used. */
export class RegexError extends Error {
  constructor(pattern: string, reason: string) {
    super(`Cannot use regular expression '${pattern}': ${reason}`);
    this.name = "RegexError";
  }
}

export type Regex = {
  /** A whole text or not at all. */
  matches(text: string): boolean;
  /** Any part of a text. */
  finds(text: string): boolean;
};

const MAX_PROGRAM = 10_000;
const KEPT = 256;
const compiled = new Map<string, Regex>();

/** Throws RegexError when `pattern` is not RE2 or too large. */
export function compileRegex(pattern: string): Regex {
  const known = compiled.get(pattern);
  if (known) return known;
  const regex = compile(pattern);
  const [oldest] = compiled.keys();
  if (compiled.size >= KEPT && oldest !== undefined) compiled.delete(oldest);
  compiled.set(pattern, regex);
  return regex;
}

function compile(pattern: string): Regex {
  if (pattern.length > QUERY_LIMITS.patternLength) {
    throw new RegexError(`${pattern.slice(0, 32)}…`, `expected at most ${QUERY_LIMITS.patternLength} characters`);
  }
  try {
    const regex = RE2JS.compile(pattern);
    if (regex.programSize() > MAX_PROGRAM) throw new RegexError(pattern, "its repetitions make it too large");
    return { matches: (text) => regex.testExact(text), finds: (text) => regex.test(text) };
  } catch (error) {
    if (error instanceof RE2JSException) throw new RegexError(pattern, reasonOf(error));
    throw error;
  }
}

function reasonOf(error: RE2JSException): string {
  return error.message.replace(/^error parsing regexp: /, "").replaceAll("`", "'");
}
