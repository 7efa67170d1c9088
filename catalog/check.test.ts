import { describe, expect, test } from "bun:test";
import type { Selection } from "#crds/order.ts";
import { checkSelections, type Problem } from "./check.ts";

const POINTS = Array.from({ length: 65 }, (_, index) => `${index} 0`).join(", ");
const cases: Record<string, { selections: Selection[]; want: Problem[] }> = {
  "nothing about good selections": {
    selections: [
      {
        query: 'platform:"landsat-8" AND eo:cloud_cover:[0 TO 60]',
        geometry: "POINT(1 2)",
        fileNamePattern: ".*\\.tif",
      },
      { dataset: "d" },
      { includeIds: [] },
    ],
    want: [],
  },
  "an empty list": {
    selections: [],
    want: [{ field: "selections", message: "Cannot order: expected at least one selection" }],
  },
  "too many selections": {
    selections: Array.from({ length: 257 }, () => ({ query: "*" })),
    want: [{ field: "selections", message: "Cannot order: expected at most 256 selections, got 257" }],
  },
  "a query with its column": {
    selections: [{ query: "a" }, { query: "eo:cloud_cover:[0 TO 60" }],
    want: [
      {
        field: "selections[1].query",
        message: "Cannot parse query: expected ']' or '}', found the end of the query at column 24",
        column: 24,
      },
    ],
  },
  "a blank query": {
    selections: [{ query: " " }],
    want: [
      {
        field: "selections[0].query",
        message: "Cannot parse query: expected a clause ('*' finds everything), found nothing at column 1",
        column: 1,
      },
    ],
  },
  "a regular expression deep in a query": {
    selections: [{ query: "a AND NOT (b OR id:/(a/)" }],
    want: [{ field: "selections[0].query", message: "Cannot use regular expression '(a': missing closing ): '(a'" }],
  },
  "a file name pattern with look-ahead": {
    selections: [{ query: "a", fileNamePattern: "(?=x).*" }],
    want: [
      {
        field: "selections[0].fileNamePattern",
        message: "Cannot use regular expression '(?=x).*': invalid or unsupported Perl syntax: '(?='",
      },
    ],
  },
  "a geometry": {
    selections: [{ geometry: "POLYGON((0 0, 1 1))" }],
    want: [
      { field: "selections[0].geometry", message: "Cannot read geometry: expected a ring of at least 4 positions" },
    ],
  },
  "a geometry of too many parts": {
    selections: [{ geometry: `MULTIPOINT(${POINTS})` }],
    want: [{ field: "selections[0].geometry", message: "Cannot read geometry: expected at most 64 parts, got 65" }],
  },
  "a time that is none": {
    selections: [
      { query: "*", before: "2026-01-01T10:00:00" },
      { query: "*", before: "soon" },
    ],
    want: [
      {
        field: "selections[1].before",
        message: "Cannot read time 'soon': expected a date such as '2007-12-03T10:15:30Z'",
      },
    ],
  },
  "a selection of nothing": {
    selections: [{ fileTypes: ["RAWDATA"] }],
    want: [
      {
        field: "selections[0]",
        message: "Cannot select products: expected a query, a dataset, a geometry or ids to include",
      },
    ],
  },
  "a process together with a filter": {
    selections: [{ query: "a", process: { name: "p" }, fileTypes: ["RAWDATA"] }],
    want: [{ field: "selections[0]", message: "Impossible to have file filters and processing on the same dataset" }],
  },
  "too many ids": {
    selections: [{ includeIds: Array.from({ length: 1001 }, String) }],
    want: [
      { field: "selections[0].includeIds", message: "Cannot select products: expected at most 1000 ids, got 1001" },
    ],
  },
};

describe("checkSelections()", () => {
  for (const [name, { selections, want }] of Object.entries(cases)) {
    test(`tells ${name}`, () => expect(checkSelections(selections)).toEqual(want));
  }

  test("names the field that it is given", () => {
    expect(checkSelections([{ query: "" }], "queries")[0]?.field).toBe("queries[0].query");
  });
});
