/**
 * Writes the tenant chart's values.yaml, values.schema.json and the tables of its README from charts/values.ts; with `--check` it writes nothing
 * and fails where a file differs.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TObject, TSchema } from "@sinclair/typebox";
import { Values } from "./values.ts";

const CHART = join(import.meta.dir, "regards-order");
const TABLE_BEGIN = "<!-- values: generated from charts/values.ts by `npm run generate` -->";
const TABLE_END = "<!-- end of values -->";

function properties(schema: TSchema): readonly (readonly [string, TSchema])[] | undefined {
  return schema["type"] === "object" && schema["properties"]
    ? Object.entries((schema as TObject).properties)
    : undefined;
}

/** values.yaml: each value with its description above it. */
export function valuesYaml(schema: TSchema = Values, indent = ""): string {
  const lines: string[] = [];
  for (const [key, value] of properties(schema) ?? []) {
    const inner = properties(value);
    if (value.description) lines.push(`${indent}# ${plain(value.description)}`);
    if (inner) lines.push(`${indent}${key}:`, valuesYaml(value, `${indent}  `));
    else lines.push(`${indent}${key}: ${JSON.stringify(value["default"])}`);
    if (indent === "" && inner) lines.push("");
  }
  return lines.join("\n");
}

/** A table of all values, groups as rows of their own. */
export function valuesTable(schema: TSchema = Values, path: readonly string[] = []): readonly string[] {
  return (properties(schema) ?? []).flatMap(([key, value]) => {
    const at = [...path, key];
    const inner = properties(value);
    const initial = inner ? "" : `\`${JSON.stringify(value["default"])}\``;
    const row = `| \`${at.join(".")}\` | ${initial} | ${(value.description ?? "").replaceAll("|", "\\|")} |`;
    return [row, ...(inner ? valuesTable(value, at) : [])];
  });
}

function plain(text: string): string {
  return text.replaceAll("**", "");
}

/** values.schema.json. `global` is Helm's own, and every parent chart may set it. */
export function valuesSchema(): string {
  const schema = JSON.parse(JSON.stringify(Values));
  const whole = {
    $schema: "https://json-schema.org/draft-07/schema#",
    type: "object",
    additionalProperties: false,
    properties: { ...schema.properties, global: { type: "object", description: "Helm's own." } },
  };
  return `${JSON.stringify(withoutRequired(whole), null, 2)}\n`;
}

/** A value that is left out has its default. */
function withoutRequired(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withoutRequired);
  if (typeof node !== "object" || node === null) return node;
  const entries = Object.entries(node).filter(([key, value]) => !(key === "required" && Array.isArray(value)));
  return Object.fromEntries(entries.map(([key, value]) => [key, withoutRequired(value)]));
}

async function files(): Promise<ReadonlyMap<string, string>> {
  const readme = await readFile(join(CHART, "README.md"), "utf8");
  const begin = readme.indexOf(TABLE_BEGIN);
  const end = readme.indexOf(TABLE_END);
  if (begin < 0 || end < begin) throw new Error("Cannot write the README of the chart: its table has no begin or end");
  const table = [TABLE_BEGIN, "", "| Value | Default | Meaning |", "| --- | --- | --- |", ...valuesTable(), ""];
  const header = "# Generated from charts/values.ts: change that and run `npm run generate`.\n\n";
  return new Map([
    ["values.yaml", `${header}${valuesYaml().trimEnd()}\n`],
    ["values.schema.json", valuesSchema()],
    ["README.md", `${readme.slice(0, begin)}${table.join("\n")}\n${readme.slice(end)}`],
  ]);
}

async function main(check: boolean): Promise<number> {
  let differing = 0;
  for (const [file, text] of await files()) {
    const path = join(CHART, file);
    if ((await readFile(path, "utf8").catch(() => "")) === text) continue;
    differing++;
    if (check) process.stderr.write(`${file} is not as generated: run \`npm run generate\`\n`);
    else {
      await writeFile(path, text);
      process.stdout.write(`Wrote ${file}\n`);
    }
  }
  return check && differing > 0 ? 1 : 0;
}

if (import.meta.main) process.exitCode = await main(process.argv.includes("--check"));
