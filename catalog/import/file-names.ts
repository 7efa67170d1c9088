/** What the names in a folder tell: which files belong together, and which pictures are quicklooks of the data beside them. */
import type { FileType } from "#crds/files.ts";

const PICTURE = /\.(png|jpe?g|gif|webp)$/i;
/** Describes data, but is none: pictures beside only such files are the data. */
const SIDECAR = /\.(xml|json|txt|md|html?|pdf|csv|ya?ml|md5|sha\d+|prj|wld|[jpt]gw|aux|idx)$/i;
const VIEW =
  /[._-](thumb(?:nail)?s?|quicklooks?|ql|previews?|browse|overview)(?:[._-](?:small|medium|large|sd|md|hd|\d+))?$/i;
/** Folders that are one product by their format. */
const CONTAINER = /\.(safe|sen3|zarr|eopf|grd|dimap|data)$/i;

/** `a.tif`, `a.tif.aux.xml`, `a.tar.gz` and `a_thumb.png` share the stem `a`; what follows a dot and starts with a digit is no extension. */
export function stemOf(name: string): string {
  const bare = name.replace(/(?:\.[a-z][a-z0-9]{0,7}){1,3}$/i, "") || name;
  return (PICTURE.test(name) && bare.replace(VIEW, "")) || bare;
}

export function isContainer(folder: string): boolean {
  return CONTAINER.test(folder);
}

/** The kind of each name of a product, in order: pictures are quicklooks where there is data beside them. */
export function kindsOf(names: readonly string[]): readonly FileType[] {
  const hasData = names.some((name) => !PICTURE.test(name) && !SIDECAR.test(name));
  return names.map((name) => (hasData && PICTURE.test(name) ? quicklookOf(name) : "RAWDATA"));
}

function quicklookOf(name: string): FileType {
  const words = name.toLowerCase().split(/[^a-z]+/);
  const has = (...wanted: string[]) => words.some((word) => wanted.includes(word));
  if (has("large", "hd", "browse", "overview", "full")) return "QUICKLOOK_HD";
  return has("medium", "md", "preview") ? "QUICKLOOK_MD" : "QUICKLOOK_SD";
}
