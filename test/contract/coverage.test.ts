/** docs/contract.md is true: what it says of a test is in the file that it names, and nothing of the contract is left out of it. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "../..");
const document = readFileSync(join(ROOT, "docs/contract.md"), "utf8");

/** The cells of each row of the tables below a heading. */
function rows(heading: string): readonly (readonly string[])[] {
  const [, rest = ""] = document.split(`## ${heading}\n`);
  const [section = ""] = rest.split("\n## ");
  return section
    .split("\n")
    .filter((line) => line.startsWith("| ") && !line.startsWith("|---"))
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

/** The file that a cell names; empty where there is none. */
function source(cell: string): string {
  const path = /`([^`]+\.test\.ts)`/.exec(cell)?.[1];
  return path !== undefined && existsSync(join(ROOT, path)) ? readFileSync(join(ROOT, path), "utf8") : "";
}

/** What the titles of its tests say. */
function titles(cell: string): string {
  return [...source(cell).matchAll(/\b(?:test|describe)\(\s*(["`])((?:(?!\1).)*)\1/gs)]
    .map((match) => match[2])
    .join("\n");
}

const numbered = (letter: string, most: number) => Array.from({ length: most }, (_, i) => `${letter}${i + 1}`);

describe("docs/contract.md", () => {
  test("every operation has a test that begins with its letter", () => {
    const tests = rows("Operations")
      .map(([, cell = ""]) => titles(cell))
      .join("\n");
    const letters = Object.entries({ B: 8, O: 16, F: 6, S: 3, G: 6 }).flatMap(([letter, most]) =>
      numbered(letter, most),
    );
    expect(letters.filter((letter) => !new RegExp(`^${letter} `, "m").test(tests))).toEqual([]);
  });

  test("every divergence is decided", () => {
    const text = rows("Where guide and code of the contract differ")
      .map(([cell = ""]) => cell)
      .join(", ")
      .replace("D1–D4", "D1, D2, D3, D4");
    expect(numbered("D", 26).filter((id) => !text.split(", ").includes(id))).toEqual([]);
  });

  test("every defect has a test of its name in the file that is named", () => {
    const found = rows("Defects that are not here").flatMap(([name = "", cell = ""]) => {
      const [id = ""] = name.split(" ");
      return new RegExp(`\\b${id}\\b`).test(titles(cell)) ? [id] : [];
    });
    expect(numbered("P", 32).filter((id) => !found.includes(id))).toEqual([]);
  });

  test("every test that is said to be rebuilt is, in the file that is named", () => {
    const rebuilt = rows("Tests of the contract's own suite").filter(([, , cell = ""]) => cell.startsWith("`"));
    const missing = rebuilt.flatMap(([, names = "", cell = ""]) => {
      const text = source(cell);
      return names
        .split(", ")
        .filter((name) => !text.includes(name))
        .map((name) => `${name} in ${cell}`);
    });
    expect([rebuilt.length > 20, missing]).toEqual([true, []]);
  });
});
