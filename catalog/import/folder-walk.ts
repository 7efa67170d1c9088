/**
 * Lists the folders below a root with their files, in the order of their names. Hidden names are skipped, a link that leaves the tree is
 * refused, and a link to a folder is not followed, so the walk ends and meets every file once.
 */
import { lstat, readdir, realpath, stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";

export type FoundFile = {
  readonly path: string;
  readonly name: string;
  readonly size: number;
  readonly modified: Date;
};
/** `path` is relative to the root, with `/`; the root itself is empty. */
export type Folder = {
  readonly path: string;
  readonly files: readonly FoundFile[];
  readonly folders: readonly string[];
};

export type WalkOptions = { readonly warn: (message: string) => void; readonly signal?: AbortSignal };

/** One folder, without what is below. `root` is a real path. */
export async function readFolder(root: string, path: string, options: WalkOptions): Promise<Folder> {
  options.signal?.throwIfAborted();
  const entries = await readdir(join(root, path), { withFileTypes: true });
  const names = entries.map((entry) => entry.name).filter((name) => !name.startsWith("."));
  const files: FoundFile[] = [];
  const folders: string[] = [];
  for (const name of names.sort()) {
    const found = await readEntry({ root, path: join(path, name) }, options);
    if (found === "folder") folders.push(toSlashes(join(path, name)));
    else if (found) files.push(found);
  }
  return { path: toSlashes(path), files, folders };
}

/** All files at or below a folder. */
export async function* filesBelow(root: string, folder: Folder, options: WalkOptions): AsyncGenerator<FoundFile> {
  yield* folder.files;
  for (const path of folder.folders) yield* filesBelow(root, await readFolder(root, path, options), options);
}

async function readEntry(
  at: { root: string; path: string },
  options: WalkOptions,
): Promise<FoundFile | "folder" | undefined> {
  const absolute = join(at.root, at.path);
  const own = await lstat(absolute).catch(() => undefined);
  if (own?.isDirectory()) return "folder";
  if (!own) {
    options.warn(`'${at.path}' was left out: it cannot be looked at`);
    return undefined;
  }
  const target = own.isSymbolicLink() ? await linkTarget(absolute, at, options) : own;
  if (!target) return undefined;
  if (!target.isFile()) {
    options.warn(`'${at.path}' was left out: it is neither a file nor a folder of its own`);
    return undefined;
  }
  const path = toSlashes(at.path);
  return { path, name: path.slice(path.lastIndexOf("/") + 1), size: target.size, modified: target.mtime };
}

async function linkTarget(absolute: string, { root, path }: { root: string; path: string }, { warn }: WalkOptions) {
  const target = await realpath(absolute).catch(() => undefined);
  if (target !== undefined && isBelow(root, target)) return stat(target);
  warn(`'${path}' was left out: it links to a place outside the folder, or to nothing`);
  return undefined;
}

function isBelow(root: string, path: string): boolean {
  const way = relative(root, path);
  return way !== "" && way !== ".." && !way.startsWith(`..${sep}`);
}

function toSlashes(path: string): string {
  return sep === "/" ? path : path.replaceAll(sep, "/");
}
