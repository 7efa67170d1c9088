import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { connect, type Db } from "#store/db.ts";
import { type TestDatabase, testDatabase } from "#test/support/database.ts";
import { postgresRegex } from "./postgres-regex.ts";
import { compileRegex, RegexError } from "./re2.ts";

let database: TestDatabase;
let db: Db;
beforeAll(async () => {
  database = await testDatabase("regex");
  db = connect(database.url, { schema: "public", max: 1 });
});
afterAll(async () => {
  await db?.end();
  await database?.drop();
});

const TEXTS = [
  "",
  "a",
  "b",
  "ab",
  "abc",
  "AB",
  "a\nb",
  "aaaa",
  "é",
  "aé",
  "3",
  "٣",
  "a.b",
  "a-b",
  "a_b",
  " ",
  "\t",
  "a]",
  "^",
  "x{2}",
  "🛰",
  "LC08_B1.TIF",
  "[",
  "\\",
  "a,b",
  "}",
  "\v",
];

const same: readonly string[] = [
  "a",
  "ab",
  "a|b",
  "a|",
  "(a|b)+",
  "(?:ab)?",
  "(?P<n>a)b",
  "(?<n>a)b",
  ".",
  "..",
  "a.b",
  "(?s)a.b",
  "(?i)ab",
  "(?is)A.B",
  "^a$",
  "\\Aa\\z",
  "a+?",
  "a*?b",
  "a{2,}",
  "a{4}",
  "a{1,3}?",
  "\\d",
  "\\D",
  "\\w+",
  "\\W",
  "\\s",
  "\\S",
  "[\\d]",
  "[\\D]",
  "[\\w.]+",
  "[^\\w]",
  "[\\W]",
  "[\\S]",
  "[^\\s]",
  "[\\s\\S]*",
  "[a-c]+",
  "[^a]",
  "[]a]+",
  "[^]a]",
  "[a\\]]+",
  "[a-]+",
  "[-a]+",
  "[\\^]",
  "[[:alpha:]]+",
  "[[:punct:]]",
  "[[:space:]]",
  "[^[:word:]]",
  "\\.",
  "a\\.b",
  "\\Qa.b\\E",
  "\\x61",
  "\\x{1F6F0}",
  "\\07",
  "\\n",
  "a\\nb",
  "\\t",
  "\\v",
  "x{2",
  "x{2}",
  "x\\{2\\}",
  "}",
  "]",
  "a]",
  "\\-",
  "\\_",
  "a\\_b",
  "\\\\",
  "[\\\\]",
  ",",
  "a,b",
  "é",
  "[é-ü]",
  ".*B1\\.TIF",
  "LC0[89]_.*",
  "(|a)+b",
];

const refused: Record<string, readonly [pattern: string, reason: string]> = {
  "look-around": ["(?=a)", "invalid or unsupported Perl syntax: '(?='"],
  "a back-reference": ["(a)\\1", "invalid escape sequence: '\\1'"],
  "an open bracket": ["[a", "missing closing ]: '[a'"],
  "a word boundary": ["\\ba", "'\\b' is not supported in queries"],
  "a Unicode class": ["\\pL", "'\\p' is not supported in queries"],
  "a Unicode class in brackets": ["[\\pL]", "'\\p' is not supported in queries"],
  "flags inside": ["a(?i)b", "flags are supported as '(?i)' or '(?s)' at its beginning only"],
  "many repetitions": ["a{300}", "'{300}' repeats more than 255 times"],
  "a missing lower bound": ["a{,3}", "'{,3}' needs its lower bound, as in '{0,3}'"],
  NUL: ["\\x00", "the character NUL cannot be stored"],
  "foreign letters without case": ["(?i)é", "'(?i)' is supported with ASCII characters only"],
  "too large a program": ["((a{10}){10}){9}".repeat(12), "its repetitions make it too large"],
  "a long one": ["a".repeat(600), "expected at most 512 characters"],
};

describe("postgresRegex()", () => {
  test("matches in PostgreSQL what RE2 matches, pattern by pattern", async () => {
    for (const pattern of same) {
      expect([pattern, await inDatabase(pattern)]).toEqual([pattern, inRe2(pattern)]);
    }
  });

  test("matches what RE2 matches for any pattern that it accepts", async () => {
    const pieces = fc.constantFrom(
      "a",
      "b",
      ".",
      "*",
      "+",
      "?",
      "|",
      "(",
      ")",
      "(?:",
      "[ab]",
      "[^a]",
      "{2}",
      "{1,}",
      "\\d",
      "\\.",
      "\\W",
      "^",
      "$",
      "é",
      "_",
      "-",
      "]",
      "{",
      "\\n",
      "[[:alpha:]-]",
    );
    const patterns = fc.array(pieces, { maxLength: 7 }).map((parts) => parts.join(""));
    await fc.assert(
      fc.asyncProperty(patterns, async (pattern) => {
        let want: boolean[];
        try {
          want = inRe2(pattern);
          postgresRegex(pattern);
        } catch (error) {
          expect(error).toBeInstanceOf(RegexError);
          return;
        }
        const got = await inDatabase(pattern).catch((error: { code?: string }) => error.code);
        // PostgreSQL does not repeat an anchor or nothing, and says so: a refusal, never another result.
        if (got !== "2201B") expect(got).toEqual(want);
      }),
      { numRuns: 400 },
    );
  });

  for (const [name, [pattern, reason]] of Object.entries(refused)) {
    test(`refuses ${name}`, () => expect(() => postgresRegex(pattern)).toThrow(reason));
  }
});

function inRe2(pattern: string): boolean[] {
  return TEXTS.map((text) => compileRegex(pattern).matches(text));
}

async function inDatabase(pattern: string): Promise<boolean[]> {
  const { pattern: translated, ignoreCase } = postgresRegex(pattern);
  const rows = await db.unsafe<{ hit: boolean }[]>(
    `SELECT value ${ignoreCase ? "~*" : "~"} $1 AS hit FROM unnest($2::text[]) WITH ORDINALITY AS t(value, n) ORDER BY n`,
    [translated, TEXTS],
  );
  return rows.map((row) => row.hit);
}
