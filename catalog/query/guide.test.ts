/** The guide for users shows only queries that are understood. */
import { describe, expect, test } from "bun:test";
import { parseQuery } from "./parser.ts";

const guide = await Bun.file(new URL("../../docs/queries.md", import.meta.url)).text();
/** The code of the table's first column. */
const shown = guide
  .split("\n")
  .filter((line) => line.startsWith("| `"))
  .flatMap((line) => [...(line.split(" | ")[0] ?? "").matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ""));

describe("docs/queries.md", () => {
  test("has examples", () => expect(shown.length).toBeGreaterThan(20));

  test.each(shown)("'%s' is understood", (query) => {
    expect(() => parseQuery(query)).not.toThrow();
  });
});
