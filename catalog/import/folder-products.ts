/**
 * Which files of a folder tree make which product.
 *
 * By folder (the default): a folder that holds files is one product, with all that is below it; a folder of folders only is looked
 * through. Files directly in the root are products by their stem, and so are all files when asked by file. A folder of a known format (`.SAFE`, `.zarr`…)
 * is one product in any case.
 */
import { isContainer, stemOf } from "./file-names.ts";
import { type Folder, type FoundFile, filesBelow, readFolder, type WalkOptions } from "./folder-walk.ts";

/** `name` is the product's id: its path below the root, without extensions. */
export type FolderProduct = { readonly name: string; readonly files: readonly FoundFile[] };

export type ProductOptions = WalkOptions & { readonly by: "folder" | "file" };

export function folderProducts(root: string, options: ProductOptions): AsyncGenerator<FolderProduct> {
  return visit({ root, path: "" }, options);
}

async function* visit(at: { root: string; path: string }, options: ProductOptions): AsyncGenerator<FolderProduct> {
  const folder = await readFolder(at.root, at.path, options);
  if (isProduct(folder, options)) {
    const files = await Array.fromAsync(filesBelow(at.root, folder, options));
    if (files.length > 0) yield { name: folder.path, files };
    return;
  }
  yield* byStem(folder);
  for (const path of folder.folders) yield* visit({ root: at.root, path }, options);
}

function isProduct(folder: Folder, { by }: ProductOptions): boolean {
  if (folder.path === "") return false;
  return isContainer(folder.path) || (by === "folder" && folder.files.length > 0);
}

/** A stem that is a folder's name too gives way to it: its product has the whole name of its first file. */
function* byStem(folder: Folder): Generator<FolderProduct> {
  const taken = new Set(folder.folders);
  for (const [stem, files] of Map.groupBy(folder.files, (file) => stemOf(file.name))) {
    const name = folder.path === "" ? stem : `${folder.path}/${stem}`;
    yield { name: taken.has(name) ? (files[0]?.path ?? name) : name, files };
  }
}
