/** Chooses the blob store by the scheme of its address: `file:///folder`. */
import { fileURLToPath } from "node:url";
import type { BlobStore } from "./blob-store.ts";
import { folderBlobStore } from "./folder.ts";

export async function openBlobStore(url: string, _env: Record<string, string | undefined>): Promise<BlobStore> {
  const { protocol } = new URL(url);
  if (protocol === "file:") return folderBlobStore(fileURLToPath(url));
  throw new Error(`Cannot open blob store '${url}': expected a file: or s3: address`);
}
