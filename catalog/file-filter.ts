/**
 * Which files of a found product are ordered: what any of the selections that matched it admits, each by its own kinds and
 * name pattern. Pure, so that the summary, the order and a test all choose alike.
 */
import type { Selection } from "#crds/order.ts";
import type { FoundFile, FoundProduct } from "./catalogue.ts";
import { compileRegex } from "./query/re2.ts";

/** The chosen files, in the product's order, each once. */
export function chooseFiles(product: FoundProduct, selections: readonly Selection[]): readonly FoundFile[] {
  const admitting = product.matched.flatMap((index) => selections[index] ?? []);
  if (admitting.some((selection) => !selection.fileTypes && selection.fileNamePattern === undefined))
    return product.files;
  return product.files.filter((file) => admitting.some((selection) => admits(selection, file)));
}

function admits(selection: Selection, file: FoundFile): boolean {
  if (selection.fileTypes && !selection.fileTypes.includes(file.type)) return false;
  if (selection.fileNamePattern === undefined) return true;
  return compileRegex(selection.fileNamePattern).matches(file.filename);
}
