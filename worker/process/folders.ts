/** The folder that a run works in, as the program of a process finds it: `input/`, `output/`, `parameters.json`, `inputs.json`. */
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";

export type WorkFolder = {
  readonly input: string;
  readonly output: string;
  readonly parameters: string;
  readonly inputs: string;
};

export function workFolder(root: string): WorkFolder {
  return {
    input: join(root, "input"),
    output: join(root, "output"),
    parameters: join(root, "parameters.json"),
    inputs: join(root, "inputs.json"),
  };
}

/** Outputs may be written by anybody: an image brings its own user. */
export async function makeFolders({ input, output }: WorkFolder): Promise<void> {
  for (const folder of [input, output]) await mkdir(folder, { recursive: true });
  await chmod(output, 0o777);
}
