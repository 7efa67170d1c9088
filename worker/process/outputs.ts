/**
 * The files that a process left, in an order that is always the same. Only regular files count: a link might lead to where its program could not
 * look itself, now that one of ours follows it.
 */
import type { Dirent } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { join, relative } from "node:path";
import { isStorable } from "#store/storable.ts";

const MOST_OUTPUTS = 10_000;

/** What the process did is not what it may: its outputs are not taken, and another try would not help. */
export class BadOutput extends Error {
  override readonly name = "BadOutput";
}

export type FoundOutput = { readonly path: string; readonly size: number };

/** All outputs with their paths below `folder`. Throws BadOutput. */
export async function findOutputs(folder: string, o: { readonly maxBytes: number }): Promise<readonly FoundOutput[]> {
  const found: FoundOutput[] = [];
  for (const folders = [folder]; ; ) {
    const next = folders.pop();
    if (next === undefined) return found.toSorted((a, b) => (a.path < b.path ? -1 : 1));
    for (const entry of await entriesOf(next, folder)) {
      const path = join(next, entry.name);
      if (entry.isDirectory()) folders.push(path);
      if (!entry.isFile()) continue;
      found.push(await examine(path, { name: relative(folder, path), maxBytes: o.maxBytes }));
      if (found.length > MOST_OUTPUTS) throw new BadOutput(`gave more than ${MOST_OUTPUTS} files`);
    }
  }
}

async function entriesOf(folder: string, root: string): Promise<readonly Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    throw new BadOutput(`left a folder that cannot be read: '${relative(root, folder)}' (${codeOf(error)})`);
  }
}

async function examine(path: string, o: { name: string; maxBytes: number }): Promise<FoundOutput> {
  const stats = await lstat(path).catch((error: unknown) => {
    // A name that is no UTF-8 reads as another, under which there is nothing.
    throw new BadOutput(`left a file that cannot be read: '${printable(o.name)}' (${codeOf(error)})`);
  });
  if (!isStorable(o.name)) throw new BadOutput(`left a file whose name is no text: '${printable(o.name)}'`);
  if (o.maxBytes > 0 && stats.size > o.maxBytes) {
    throw new BadOutput(`gave a file larger than ${o.maxBytes} bytes: '${o.name}' (${stats.size})`);
  }
  return { path: o.name, size: stats.size };
}

function printable(name: string): string {
  return name.toWellFormed().replaceAll(/\p{Cc}/gu, "?");
}

export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
