/**
 * One STAC asset → one file of a product. Kinds follow from the roles: data and metadata are RAWDATA, `thumbnail` and `overview` are
 * quicklooks; without roles the media type and the asset's key decide.
 */
import type { FileType } from "#crds/files.ts";
import { mediaTypeOf } from "#store/media-type.ts";
import { cleanText } from "./attributes.ts";
import { readMultihash } from "./multihash.ts";
import type { ImportedFile } from "./record.ts";

export type AssetContext = {
  /** Address of the item, which relative addresses are relative to. */
  readonly base: string;
  /** Whether `file:` addresses may be taken from this item: not from one that came over the network. */
  readonly allowFiles: boolean;
  readonly reference: boolean;
  readonly warn: (message: string) => void;
};

const PICTURE = /^image\/(png|jpe?g|gif|webp)\b/;

/** Undefined, with a warning, for what is no file. */
export function readAsset(key: string, asset: unknown, context: AssetContext): ImportedFile | undefined {
  const { href, type, roles, "file:size": size, "file:checksum": multihash } = asset as Record<string, unknown>;
  const uri = typeof href === "string" ? resolve(href, context) : undefined;
  if (uri === undefined) {
    context.warn(`Asset '${key}' was left out: its address cannot be used`);
    return undefined;
  }
  const filename = filenameOf(uri) || cleanText(key).replaceAll("/", "_");
  const mimeType = typeof type === "string" && type !== "" ? cleanText(type) : mediaTypeOf(filename);
  const checksum = typeof multihash === "string" ? readMultihash(multihash) : undefined;
  if (typeof multihash === "string" && !checksum)
    context.warn(`Checksum of asset '${key}' was left out: it is of an unknown kind`);
  return {
    type: kindOf(key, roles, mimeType),
    filename,
    uri,
    mimeType,
    reference: context.reference,
    ...(typeof size === "number" && Number.isSafeInteger(size) && size >= 0 ? { size } : {}),
    ...checksum,
  };
}

function kindOf(key: string, roles: unknown, mimeType: string): FileType {
  const has = new Set(Array.isArray(roles) ? roles.map((role) => String(role).toLowerCase()) : []);
  if (has.has("thumbnail")) return "QUICKLOOK_SD";
  if (has.has("data") || has.has("metadata")) return "RAWDATA";
  if (has.has("overview")) return "QUICKLOOK_HD";
  if (has.size > 0 || !PICTURE.test(mimeType)) return "RAWDATA";
  if (/thumb/i.test(key)) return "QUICKLOOK_SD";
  return /quicklook|preview|browse|overview|rendered/i.test(key) ? "QUICKLOOK_HD" : "RAWDATA";
}

function resolve(href: string, { base, allowFiles }: AssetContext): string | undefined {
  const uri = URL.canParse(href, base) ? new URL(href, base) : undefined;
  if (!uri || (uri.protocol === "file:" && !allowFiles)) return undefined;
  // URL writes `s3://bucket` and the like anew; such an address is kept as it stands.
  return /^(https?|file):$/.test(uri.protocol) ? uri.href : href;
}

function filenameOf(uri: string): string {
  const last = new URL(uri).pathname.split("/").at(-1) ?? "";
  try {
    return cleanText(decodeURIComponent(last)).replaceAll(/[/\\]/g, "_");
  } catch {
    return last;
  }
}
