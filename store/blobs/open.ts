/** Chooses the blob store by the scheme of its address: `file:///folder` or `s3://bucket/prefix`. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BlobStore } from "./blob-store.ts";
import { folderBlobStore } from "./folder.ts";
import { s3BlobStore } from "./s3.ts";

/** What S3 servers other than Amazon's take for theirs unless told otherwise. */
const DEFAULT_REGION = "us-east-1";

/** The environment has the ORDER_S3_* variables, and ORDER_HOME for what an S3 store keeps on this machine. */
export async function openBlobStore(
  url: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<BlobStore> {
  const { protocol, host, pathname } = new URL(url);
  if (protocol === "file:") return folderBlobStore(fileURLToPath(url));
  if (protocol !== "s3:") throw new Error(`Cannot open blob store: expected a file: or s3: address, got '${protocol}'`);
  const endpoint = env["ORDER_S3_ENDPOINT"];
  const accessKeyId = env["ORDER_S3_ACCESS_KEY_ID"];
  const secretAccessKey = env["ORDER_S3_SECRET_ACCESS_KEY"];
  return s3BlobStore({
    bucket: host,
    prefix: decodeURIComponent(pathname).replaceAll(/^\/+|\/+$/g, ""),
    ...(endpoint && { endpoint }),
    region: env["ORDER_S3_REGION"] || DEFAULT_REGION,
    ...(accessKeyId && { accessKeyId }),
    ...(secretAccessKey && { secretAccessKey }),
    staging: join(env["ORDER_HOME"] ?? join(tmpdir(), "regards-order"), "staging"),
  });
}
