/**
 * AWS Signature Version 4 of a request to an object store, in its headers. Ours because Bun's S3 client signs whole objects only: an upload
 * that another process goes on with needs the calls for its parts. Bodies are not signed (TLS guards them), the parts' hashes are compared instead.
 */
import { createHash, createHmac } from "node:crypto";

export type Credentials = { readonly accessKeyId: string; readonly secretAccessKey: string };

export type Unsigned = {
  readonly method: string;
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
};

const UNSIGNED = "UNSIGNED-PAYLOAD";

/** The headers to send, those given among them. */
export function signedHeaders(
  request: Unsigned,
  o: Credentials & { readonly region: string; readonly now: Date },
): Record<string, string> {
  const time = o.now.toISOString().replaceAll(/[-:]|\.\d{3}/g, "");
  const day = time.slice(0, 8);
  const headers: Record<string, string> = {
    ...request.headers,
    "x-amz-content-sha256": UNSIGNED,
    "x-amz-date": time,
  };
  const signed = Object.entries({ ...headers, host: request.url.host })
    .map(([name, value]) => [name.toLowerCase(), value.trim()] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const names = signed.map(([name]) => name).join(";");
  const canonical = [
    request.method,
    request.url.pathname,
    canonicalQuery(request.url),
    ...signed.map(([name, value]) => `${name}:${value}`),
    "",
    names,
    UNSIGNED,
  ].join("\n");
  const scope = `${day}/${o.region}/s3/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", time, scope, createHash("sha256").update(canonical).digest("hex")].join("\n");
  const key = [day, o.region, "s3", "aws4_request"].reduce<string | Buffer>(hmac, `AWS4${o.secretAccessKey}`);
  const signature = hmac(key, text).toString("hex");
  const authorization = `AWS4-HMAC-SHA256 Credential=${o.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
  return { ...headers, authorization };
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

function canonicalQuery(url: URL): string {
  return [...url.searchParams]
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join("&");
}

/** Percent-encoding as the signature wants it: stricter than that of URLs. */
export function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}
