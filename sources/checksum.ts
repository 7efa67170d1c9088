/**
 * What a catalogue's checksum means: an algorithm by name with hexadecimal or base64 digits, or a multihash (STAC's `file:checksum`).
 * Catalogues are careless about names (`SHA-256`, `sha256`, `MD5`, absent), so the length of the digest decides when the name does not.
 */
export type HashName =
  | "md5"
  | "sha1"
  | "sha224"
  | "sha256"
  | "sha384"
  | "sha512"
  | "sha3-256"
  | "sha3-512"
  | "blake2b256"
  | "blake2b512";

export type Expected =
  | { readonly kind: "none" }
  | { readonly kind: "digest"; readonly algorithm: HashName; readonly hex: string }
  /** It says something that we cannot compute: the file is taken without this check, and that is logged. */
  | { readonly kind: "unknown"; readonly text: string };

const DIGEST_BYTES: Readonly<Record<HashName, number>> = {
  md5: 16,
  sha1: 20,
  sha224: 28,
  sha256: 32,
  sha384: 48,
  sha512: 64,
  "sha3-256": 32,
  "sha3-512": 64,
  blake2b256: 32,
  blake2b512: 64,
};

/** Multicodec codes (varint) of the hashes that we compute. */
const MULTIHASH: ReadonlyMap<number, HashName> = new Map<number, HashName>([
  [0x11, "sha1"],
  [0x12, "sha256"],
  [0x13, "sha512"],
  [0x14, "sha3-512"],
  [0x16, "sha3-256"],
  [0x20, "sha384"],
  [0xd5, "md5"],
  [0x1013, "sha224"],
  [0xb220, "blake2b256"],
  [0xb240, "blake2b512"],
]);

const BY_LENGTH: ReadonlyMap<number, HashName> = new Map<number, HashName>([
  [16, "md5"],
  [20, "sha1"],
  [28, "sha224"],
  [32, "sha256"],
  [48, "sha384"],
  [64, "sha512"],
]);

const NAMES: ReadonlyMap<string, HashName> = new Map<string, HashName>([
  ...(Object.keys(DIGEST_BYTES) as HashName[]).map((name): [string, HashName] => [plain(name), name]),
  ["sha2256", "sha256"],
  ["sha2512", "sha512"],
  ["sha", "sha1"],
]);

/** What the file's bytes must hash to. */
export function expectedChecksum(checksum: string | undefined, algorithm: string | undefined): Expected {
  const text = checksum?.trim() ?? "";
  if (text === "") return { kind: "none" };
  const bytes = decode(text);
  if (!bytes) return { kind: "unknown", text: named(text, algorithm) };
  const name = algorithm === undefined ? undefined : NAMES.get(plain(algorithm));
  if (name && bytes.length === DIGEST_BYTES[name]) return digest(name, bytes);
  const hashed = multihash(bytes);
  if (hashed && (name === undefined || name === hashed.algorithm)) return hashed;
  const guessed = algorithm === undefined || algorithm.trim() === "" ? BY_LENGTH.get(bytes.length) : undefined;
  return guessed ? digest(guessed, bytes) : { kind: "unknown", text: named(text, algorithm) };
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
}

function named(text: string, algorithm: string | undefined): string {
  return algorithm ? `${algorithm} ${text}` : text;
}

function digest(algorithm: HashName, bytes: Uint8Array): Expected {
  return { kind: "digest", algorithm, hex: Buffer.from(bytes).toString("hex") };
}

function decode(text: string): Uint8Array | undefined {
  if (/^([0-9a-fA-F]{2})+$/.test(text)) return Buffer.from(text, "hex");
  return /^[A-Za-z0-9+/]{20,}={0,2}$/.test(text) ? Buffer.from(text, "base64") : undefined;
}

/** `<code varint><length varint><digest>`. */
function multihash(bytes: Uint8Array): Extract<Expected, { kind: "digest" }> | undefined {
  const code = varint(bytes, 0);
  const length = code && varint(bytes, code.next);
  const algorithm = code && MULTIHASH.get(code.value);
  if (
    !length ||
    !algorithm ||
    length.value !== DIGEST_BYTES[algorithm] ||
    bytes.length - length.next !== length.value
  ) {
    return undefined;
  }
  return { kind: "digest", algorithm, hex: Buffer.from(bytes.subarray(length.next)).toString("hex") };
}

function varint(bytes: Uint8Array, at: number): { value: number; next: number } | undefined {
  let value = 0;
  for (let i = 0; i < 4; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return { value, next: at + i + 1 };
  }
  return undefined;
}
