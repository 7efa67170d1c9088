import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { QUERY_LIMITS } from "./limits.ts";
import { parseQuery } from "./parser.ts";
import { printQuery } from "./print.ts";
import { QuerySyntaxError } from "./syntax-error.ts";
import { ALL, and, type Bound, type Field, type Match, not, or, type Query } from "./tree.ts";

const field = (name: string, mode?: "text" | "keyword"): Field => (mode ? { name, mode } : { name });
const has = (name: string | undefined, value: string): Query => term(name, { kind: "contains", value });
const is = (name: string | undefined, value: string): Query => term(name, { kind: "exact", value });
const like = (name: string | undefined, pattern: string): Query => term(name, { kind: "wildcard", pattern });
const matches = (name: string | undefined, pattern: string): Query => term(name, { kind: "regex", pattern });
const exists = (name: string): Query => ({ kind: "exists", field: { name } });

function term(name: string | undefined, match: Match): Query {
  return name === undefined ? { kind: "term", match } : { kind: "term", field: { name }, match };
}

/** `[10` and `60}` as in the language; `*` for an open end. */
function range(name: string, from: string, to: string): Query {
  const lower: Bound = { value: from.slice(1), inclusive: from.startsWith("[") };
  const upper: Bound = { value: to.slice(0, -1), inclusive: to.endsWith("]") };
  return term(name, {
    kind: "range",
    ...(lower.value === "*" ? {} : { from: lower }),
    ...(upper.value === "*" ? {} : { to: upper }),
  });
}

const corpus: Record<string, readonly [query: string, want: Query]> = {
  "a word": ["landsat", has(undefined, "landsat")],
  "a word with a dash inside": ["landsat-8", has(undefined, "landsat-8")],
  "a phrase": ['"landsat 8"', is(undefined, "landsat 8")],
  "an empty phrase": ['label:""', is("label", "")],
  "an escaped quote in a phrase": ['label:"a \\"b\\""', is("label", 'a "b"')],
  "a field and a word": ["platform:landsat-8", has("platform", "landsat-8")],
  Oregon: ["state:OR", has("state", "OR")],
  "a field and a phrase": ['platform:"landsat-8"', is("platform", "landsat-8")],
  "blanks around the colon": ['platform : "landsat-8"', is("platform", "landsat-8")],
  "a blank after the colon": ["platform: landsat", has("platform", "landsat")],
  "a STAC field with a colon": ["landsat:wrs_path:5", has("landsat:wrs_path", "5")],
  "a STAC field and a range": ["eo:cloud_cover:[0 TO 60]", range("eo:cloud_cover", "[0", "60]")],
  "a STAC field and a comparison": ["eo:cloud_cover<=60", range("eo:cloud_cover", "[*", "60]")],
  "a STAC field and a group": ["eo:a:(x y)", or([has("eo:a", "x"), has("eo:a", "y")])],
  "a prefixed STAC field": ["properties.eo:cloud_cover:5", has("properties.eo:cloud_cover", "5")],
  "an escaped colon in a field": ["eo\\:cloud_cover:5", has("eo:cloud_cover", "5")],
  "an escaped colon in a value": ["id:a\\:b", has("id", "a:b")],
  "a date-time of a field": ["datetime:2015-07-10T10:15:30Z", has("datetime", "2015-07-10T10:15:30Z")],
  "a date-time of a STAC field": ["a:b:2015-07-10T10:15:30.5+02:00", has("a:b", "2015-07-10T10:15:30.5+02:00")],
  "a date-time without seconds": ["d:2015-07-10T10:15", has("d", "2015-07-10T10:15")],
  "a date-time without a field": ["2015-07-10T10:15:30", has(undefined, "2015-07-10T10:15:30")],
  "a date": ["datetime:2015-07-10", has("datetime", "2015-07-10")],
  "a quoted URN": ['tags:"URN:AIP:DATASET:t:1:V1"', is("tags", "URN:AIP:DATASET:t:1:V1")],
  "a media type": ["type:image/tiff", has("type", "image/tiff")],
  unicode: ["Zürich:日本", has("Zürich", "日本")],
  "an astral character escaped": ["\\🛰", has(undefined, "🛰")],
  "two words": ["a b", or([has(undefined, "a"), has(undefined, "b")])],
  OR: ["a OR b", or([has(undefined, "a"), has(undefined, "b")])],
  bars: ["a||b", or([has(undefined, "a"), has(undefined, "b")])],
  AND: ["a AND b", and([has(undefined, "a"), has(undefined, "b")])],
  ampersands: ["a&&b", and([has(undefined, "a"), has(undefined, "b")])],
  "one ampersand is a character": ["a&b", has(undefined, "a&b")],
  "lower-case operators are words": ["a and", or([has(undefined, "a"), has(undefined, "and")])],
  "AND before OR": ["a OR b AND c", or([has(undefined, "a"), and([has(undefined, "b"), has(undefined, "c")])])],
  "AND before OR, turned": ["a AND b OR c", or([and([has(undefined, "a"), has(undefined, "b")]), has(undefined, "c")])],
  "AND before the missing operator": [
    "a b AND c",
    or([has(undefined, "a"), and([has(undefined, "b"), has(undefined, "c")])]),
  ],
  "a group before AND": ["(a OR b) AND c", and([or([has(undefined, "a"), has(undefined, "b")]), has(undefined, "c")])],
  "groups of the same kind are one": [
    "(a AND b) AND c",
    and([has(undefined, "a"), has(undefined, "b"), has(undefined, "c")]),
  ],
  "nested groups": ["((a))", has(undefined, "a")],
  NOT: ["NOT a", not(has(undefined, "a"))],
  "an exclamation mark": ["!a", not(has(undefined, "a"))],
  "NOT NOT": ["NOT NOT a", not(not(has(undefined, "a")))],
  "NOT before AND": ["a AND NOT b AND c", and([has(undefined, "a"), not(has(undefined, "b")), has(undefined, "c")])],
  "NOT first": ["NOT a AND b", and([not(has(undefined, "a")), has(undefined, "b")])],
  "OR NOT is logic": ["a OR NOT b", or([has(undefined, "a"), not(has(undefined, "b"))])],
  "NOT OR is logic": ["NOT a OR b", or([not(has(undefined, "a")), has(undefined, "b")])],
  "NOT in a list excludes": ["a NOT b", and([has(undefined, "a"), not(has(undefined, "b"))])],
  minus: ["-a", not(has(undefined, "a"))],
  "minus in a list": ["a b -c", and([or([has(undefined, "a"), has(undefined, "b")]), not(has(undefined, "c"))])],
  "minus beside an OR still excludes": [
    "a OR b -c",
    and([or([has(undefined, "a"), has(undefined, "b")]), not(has(undefined, "c"))]),
  ],
  "minus only": ["-a -b", and([not(has(undefined, "a")), not(has(undefined, "b"))])],
  "minus in an AND": ["a AND -b", and([has(undefined, "a"), not(has(undefined, "b"))])],
  plus: ["+a", has(undefined, "a")],
  "plus makes the others optional": ["+a b", has(undefined, "a")],
  "plus and plus": ["+a +b c", and([has(undefined, "a"), has(undefined, "b")])],
  "plus and minus": ["+a b -c", and([has(undefined, "a"), not(has(undefined, "c"))])],
  "minus before a group": ["a -(b c)", and([has(undefined, "a"), not(or([has(undefined, "b"), has(undefined, "c")]))])],
  "a field group": ["id:(a OR b)", or([has("id", "a"), has("id", "b")])],
  "the upload's group": [
    'last=true AND providerId=("a" OR "b")',
    and([has("last", "true"), or([is("providerId", "a"), is("providerId", "b")])]),
  ],
  "a field group with everything": ['f:(+a -"b" c*)', and([has("f", "a"), not(is("f", "b"))])],
  "a field inside a field group": ["f:(a AND g:b)", and([has("f", "a"), has("g", "b")])],
  "a range": ["f:[1 TO 2]", range("f", "[1", "2]")],
  "an open-ended range": ["f:[1 TO *]", range("f", "[1", "*]")],
  "an open-started range": ["f:[* TO 2}", range("f", "[*", "2}")],
  "an exclusive range": ["altitude:{0 TO 2000}", range("altitude", "{0", "2000}")],
  "mixed brackets": ["f:[1 TO 2}", range("f", "[1", "2}")],
  "mixed brackets, turned": ["f:{1 TO 2]", range("f", "{1", "2]")],
  "negative bounds": ["f:[-10.5 TO -1e3]", range("f", "[-10.5", "-1e3]")],
  "quoted bounds": ['f:["a b" TO "c"]', range("f", "[a b", "c]")],
  "dates without zone in a range": [
    "date:[2007-12-03T10:15:30 TO 2007-12-03T11:15:30]",
    range("date", "[2007-12-03T10:15:30", "2007-12-03T11:15:30]"),
  ],
  "dates with zone in a range": [
    "date:[2007-12-03T10:15:30+01:00 TO *]",
    range("date", "[2007-12-03T10:15:30+01:00", "*]"),
  ],
  "everything there is in a range": ["f:[* TO *]", exists("f")],
  "a range in a field group": ["f:([1 TO 2] OR 5)", or([range("f", "[1", "2]"), has("f", "5")])],
  "at least": ["f>=10", range("f", "[10", "*]")],
  "more than": ["f>10", range("f", "{10", "*]")],
  "less than, spaced, negative": ["f < -10", range("f", "[*", "-10}")],
  "a comparison after a colon": ["f:>=10", range("f", "[10", "*]")],
  "a comparison with a date-time": ["d>=2015-07-10T10:00:00Z", range("d", "[2015-07-10T10:00:00Z", "*]")],
  equals: ["f=10", has("f", "10")],
  "equals a phrase": ['f = "x y"', is("f", "x y")],
  "a negative value": ["f:-5", has("f", "-5")],
  "a negative value after a blank": ["f: -5", has("f", "-5")],
  "a prefix": ["LC08*", like(undefined, "LC08*")],
  "a leading wildcard": ["id:*T1", like("id", "*T1")],
  "a question mark": ["id:L?08", like("id", "L?08")],
  "escaped wildcards": ["id:a\\*b\\?", has("id", "a*b?")],
  "escaped and real wildcards": ["id:a\\*b*", like("id", "a\\*b*")],
  "a wildcard and an escaped colon": ["id:a\\:b*", like("id", "a:b*")],
  "a regular expression": ["id:/LC0[89].*/", matches("id", "LC0[89].*")],
  "a slash in a regular expression": ["id:/a\\/b\\.c/", matches("id", "a/b\\.c")],
  "a regular expression without a field": ["/a b/", matches(undefined, "a b")],
  "a regular expression of a STAC field": ["eo:x:/a/", matches("eo:x", "a")],
  "existence by star": ["eo:cloud_cover:*", exists("eo:cloud_cover")],
  "existence by regular expression": ["f:/.*/", exists("f")],
  "existence by name": ["_exists_:eo:cloud_cover", exists("eo:cloud_cover")],
  "no existence": ["NOT _exists_:f", not(exists("f"))],
  everything: ["*:*", ALL],
  "a star": ["*", ALL],
  "all but": ["*:* NOT a", and([ALL, not(has(undefined, "a"))])],
  "text mode": ["label@text:landsat", term0("label", "text", "landsat")],
  "keyword mode of a STAC field": ["eo:x@keyword:a", term0("eo:x", "keyword", "a")],
  "an escaped at sign": ["a\\@text:b", has("a@text", "b")],
  "escaped operators": ["\\AND \\-a", or([has(undefined, "AND"), has(undefined, "-a")])],
  "every escape of the contract": [
    '\\+\\-\\&\\|\\!\\(\\)\\{\\}\\[\\]\\^\\"\\~\\*\\?\\:\\\\\\/',
    has(undefined, '+-&|!(){}[]^"~*?:\\/'),
  ],
  "newlines and tabs": ["a\n\tAND\r\nb", and([has(undefined, "a"), has(undefined, "b")])],
};

function term0(name: string, mode: "text" | "keyword", value: string): Query {
  return { kind: "term", field: field(name, mode), match: { kind: "contains", value } };
}

const refused: Record<string, readonly [query: string, column: number, message: string]> = {
  nothing: ["", 1, "expected a clause, found the end of the query"],
  blanks: ["  ", 3, "expected a clause, found the end of the query"],
  "a lone AND": ["AND", 1, "expected a clause, found 'AND'"],
  "an OR at the end": ["a OR", 5, "expected a clause, found the end of the query"],
  "two ANDs": ["a AND AND b", 7, "expected a clause, found 'AND'"],
  "a lone NOT": ["NOT", 4, "expected a clause"],
  "an open group": ["(a OR b", 8, "expected ')' that closes the one at column 1, found the end of the query"],
  "a closed group that was not open": ["a)", 2, "expected the end of the query or an operator, found ')'"],
  "an empty group": ["()", 2, "expected a clause, found ')'"],
  "a field without a value": ["f:", 3, "expected a value, found the end of the query"],
  "a colon first": [":a", 1, "expected a field name before ':', found ':'"],
  "an open phrase": ['f:"a', 3, "expected '\"' that closes the one"],
  "an open regular expression": ["f:/a", 3, "expected '/' that closes the regular expression begun"],
  "an unquoted path": [
    "f:/data/x.tif",
    9,
    "expected a space after the regular expression (quote a value that holds '/')",
  ],
  "an open range": ["f:[1 TO 2", 10, "expected ']' or '}', found the end of the query"],
  "a range without TO": ["f:[1 2]", 6, "expected 'TO', found '2'"],
  "a range without a field": ["[1 TO 2]", 1, "expected 'field:' before a range, found '['"],
  "a wildcard in a range": ["f:[1* TO 2]", 4, "expected a value without '*' and '?', found '1*'"],
  "a comparison without a value": ["f>", 3, "expected a value, found the end of the query"],
  fuzzy: ["roam~", 5, "fuzzy search and slop '~' are not supported, expected '\\~' for the character itself"],
  boost: ["a^2", 2, "boost '^' is not supported, expected '\\^' for the character itself"],
  "a backslash at the end": ["a\\", 3, "expected a character after '\\'"],
  NUL: ["a\0", 2, "expected a character that can be stored"],
  "half a character": ["a\ud800", 2, "expected a character that can be stored"],
  "too deep": ["(".repeat(40), 33, "expected at most 32 levels of groups"],
  "too long": ["a".repeat(QUERY_LIMITS.length + 1), QUERY_LIMITS.length + 1, "expected at most 8192 characters"],
  "too many clauses": ["a ".repeat(1025), 2051, "expected at most 1024 clauses"],
};

describe("parseQuery()", () => {
  for (const [name, [query, want]] of Object.entries(corpus)) {
    test(`reads ${name}: ${query}`, () => expect(parseQuery(query)).toEqual(want));
  }

  for (const [name, [query, column, message]] of Object.entries(refused)) {
    test(`refuses ${name} and says where`, () => {
      const error = refusal(query);
      expect(error.message).toStartWith(`Cannot parse query: ${message}`);
      expect(error.message).toEndWith(` at column ${column}`);
      expect(error.column).toBe(column);
    });
  }

  test("never throws anything but a QuerySyntaxError", () => {
    const anything = fc.oneof(
      fc.string({ unit: "binary", maxLength: 40 }),
      fc.string({
        unit: fc.constantFrom(...'ab:*?"/\\()[]{}+-!&|<>=~^ \n', " TO ", " AND ", " OR ", "NOT ", "é", "\ud83d"),
        maxLength: 40,
      }),
    );
    fc.assert(
      fc.property(anything, (query) => {
        try {
          parseQuery(query);
        } catch (error) {
          expect(error).toBeInstanceOf(QuerySyntaxError);
          expect((error as QuerySyntaxError).column).toBeWithin(1, query.length + 2);
        }
      }),
      { numRuns: 3000 },
    );
  });

  test("reads back every tree that printQuery() writes", () => {
    fc.assert(
      fc.property(trees, (tree) => expect(parseQuery(printQuery(tree))).toEqual(tree)),
      { numRuns: 2000 },
    );
  });
});

function refusal(query: string): QuerySyntaxError {
  try {
    parseQuery(query);
  } catch (error) {
    if (error instanceof QuerySyntaxError) return error;
    throw error;
  }
  throw new Error(`Query was accepted: '${query}'`);
}

const text = fc
  .string({
    unit: fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(...'aZ09_ .:*?"\\/()[]{}+-!&|<>=~^@') },
      { weight: 1, arbitrary: fc.string({ unit: "grapheme", minLength: 1, maxLength: 1 }) },
    ),
    minLength: 1,
    maxLength: 12,
  })
  .filter((value) => !value.includes("\0"));
const regex = fc
  .array(fc.oneof(fc.constantFrom("a", "/", ".", "*", "[b]", "\\.", "\\\\", "\\d", "é"), fc.constant(" ")), {
    maxLength: 8,
  })
  .map((parts) => parts.join(""));
const names = fc
  .record({
    name: text.filter((name) => name !== "*"),
    mode: fc.option(fc.constantFrom("text" as const, "keyword" as const), { nil: undefined }),
  })
  .map(({ name, mode }) => field(name, mode));
const bounds = fc.option(fc.record({ value: fc.oneof(text, fc.constant("")), inclusive: fc.boolean() }), {
  nil: undefined,
});
const values: fc.Arbitrary<Match> = fc.oneof(
  fc.record({ kind: fc.constant("contains" as const), value: text }),
  fc.record({ kind: fc.constant("exact" as const), value: fc.oneof(text, fc.constant("")) }),
  fc
    .array(fc.oneof(fc.constantFrom("*", "?", "\\*", "\\?", "\\\\"), fc.constantFrom("a", ":", "-", "é", "🛰", " ")), {
      minLength: 2,
      maxLength: 8,
    })
    .filter((parts) => parts.some((part) => part === "*" || part === "?") && !parts.every((part) => part === "*"))
    .map((parts) => ({ kind: "wildcard" as const, pattern: parts.join("") })),
  regex.filter((pattern) => pattern !== ".*").map((pattern) => ({ kind: "regex" as const, pattern })),
);
const ranges: fc.Arbitrary<Query> = fc
  .tuple(names, bounds, bounds)
  .filter(([, from, to]) => from !== undefined || to !== undefined)
  .map(([name, from, to]) => ({
    kind: "term",
    field: name,
    match: { kind: "range", ...(from ? { from } : {}), ...(to ? { to } : {}) },
  }));
const leaves: fc.Arbitrary<Query> = fc.oneof(
  fc.constant(ALL),
  text.map(exists),
  fc
    .tuple(fc.option(names, { nil: undefined }), values)
    .map(([name, match]): Query => (name ? { kind: "term", field: name, match } : { kind: "term", match })),
  ranges,
);
const trees = fc.letrec<{ tree: Query }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    leaves,
    tie("tree").map(not),
    fc.array(tie("tree"), { minLength: 2, maxLength: 4 }).map(and),
    fc.array(tie("tree"), { minLength: 2, maxLength: 4 }).map(or),
  ),
})).tree;
