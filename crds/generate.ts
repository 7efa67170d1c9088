/**
 * Writes the CustomResourceDefinitions into the CRD chart; with `--check` it writes nothing and fails where the files differ.
 * The files lie in a Helm chart's templates, so a text with Helm's own braces is refused.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type CustomResourceDefinition, customResourceDefinitions } from "./definitions.ts";

const FOLDER = join(import.meta.dir, "../charts/regards-order-crds/templates");
const HEADER = "# Generated from crds/*.ts: change those and run `npm run generate`.\n";

/** File name and text of each definition. */
export function generatedFiles(
  definitions: readonly CustomResourceDefinition[] = customResourceDefinitions(),
): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const definition of definitions) {
    const text = Bun.YAML.stringify(definition, null, 2);
    if (text.includes("{{"))
      throw new Error(`Cannot write '${definition.metadata.name}': a text holds '{{', which Helm would read`);
    files.set(`${definition.spec.names.plural}.yaml`, `${HEADER}${text.trimEnd()}\n`);
  }
  return files;
}

/** Names of the files in `folder` that are not as they would be generated. */
export async function drift(folder: string, files: ReadonlyMap<string, string>): Promise<string[]> {
  const differing: string[] = [];
  for (const [name, text] of files) {
    const present = await readFile(join(folder, name), "utf8").catch(() => "");
    if (present !== text) differing.push(name);
  }
  return differing;
}

async function main(check: boolean): Promise<number> {
  const files = generatedFiles();
  const differing = await drift(FOLDER, files);
  if (check) {
    for (const name of differing) process.stderr.write(`${name} is not as generated: run \`npm run generate\`\n`);
    return differing.length === 0 ? 0 : 1;
  }
  await mkdir(FOLDER, { recursive: true });
  for (const name of differing) {
    await writeFile(join(FOLDER, name), files.get(name) ?? "");
    process.stdout.write(`Wrote ${name}\n`);
  }
  return 0;
}

if (import.meta.main) process.exitCode = await main(process.argv.includes("--check"));
