/**
 * Names of files that are handed on, in archives and folders: flat, harmless on every file system, and all different. File names come from foreign catalogues, so they are
 * made safe here and nowhere trusted: no folder, drive, parent or control character survives, nor a name that Windows refuses.
 */

const MAX_BYTES = 255;
/** Controls, invisible marks that turn the reading direction, and what Windows or Unix refuse. */
const FORBIDDEN = /[\p{Cc}\p{Cf}\\/:*?"<>|]/gu;
const RESERVED_ON_WINDOWS = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;

/** A plain file name out of any text; never empty, `.` or `..`. */
export function safeName(name: string): string {
  const last = name.split(/[\\/]/).findLast((part) => part !== "") ?? "";
  const clean = last
    .toWellFormed()
    .replaceAll(FORBIDDEN, "_")
    .replace(/^\s+|[\s.]+$/g, "");
  if (clean === "") return "file";
  return shorten(RESERVED_ON_WINDOWS.test(clean) ? `_${clean}` : clean, MAX_BYTES);
}

/** Gives out each name once: the second `a.txt` becomes `a (1).txt`. Names that differ in case only count as the same, as on Windows and macOS. */
export function uniqueNames(): (name: string) => string {
  const taken = new Set<string>();
  const next = new Map<string, number>();
  return (name) => {
    const key = name.toLowerCase();
    if (!taken.has(key)) {
      taken.add(key);
      return name;
    }
    for (let i = next.get(key) ?? 1; ; i++) {
      const other = numbered(name, i);
      if (taken.has(other.toLowerCase())) continue;
      next.set(key, i + 1);
      taken.add(other.toLowerCase());
      return other;
    }
  };
}

function numbered(name: string, number: number): string {
  const { stem, extension } = split(name);
  const suffix = ` (${number})${extension}`;
  return shorten(stem, MAX_BYTES - Buffer.byteLength(suffix)) + suffix;
}

/** Before and from the last dot; a name without one, or with it in front, is all stem. */
function split(name: string): { stem: string; extension: string } {
  const dot = name.lastIndexOf(".");
  return dot > 0 ? { stem: name.slice(0, dot), extension: name.slice(dot) } : { stem: name, extension: "" };
}

/** At most `bytes` bytes of UTF-8, the extension kept where it is a short one. */
function shorten(name: string, bytes: number): string {
  if (Buffer.byteLength(name) <= bytes) return name;
  const { stem, extension } = split(name);
  if (extension !== "" && Buffer.byteLength(extension) <= 20) {
    return cutBytes(stem, bytes - Buffer.byteLength(extension)) + extension;
  }
  return cutBytes(name, bytes);
}

function cutBytes(text: string, bytes: number): string {
  let size = 0;
  let result = "";
  for (const character of text) {
    size += Buffer.byteLength(character);
    if (size > bytes) return result;
    result += character;
  }
  return result;
}
