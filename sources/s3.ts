/**
 * Files in an object store: `s3://bucket/key` becomes an address of the store's HTTP interface (presigned when keys are configured, plain
 * for a public bucket), so that resume, back-off and the guard are those of HTTP. The bucket is the URI's host for `allowed_source_hosts`.
 */
import { S3Client } from "bun";
import type { Guard } from "./guard/guard.ts";
import { portOf } from "./guard/rules.ts";
import { permanent, type Source } from "./source.ts";

const PRESIGNED_FOR_SECONDS = 3600;

export type S3Settings = {
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId?: string;
  readonly secretAccessKey?: string;
  readonly sessionToken?: string;
};

/** Reads ORDER_SOURCE_S3_ENDPOINT, _REGION, _ACCESS_KEY_ID, _SECRET_ACCESS_KEY, _SESSION_TOKEN. */
export function s3Settings(env: Readonly<Record<string, string | undefined>>): S3Settings {
  const region = env["ORDER_SOURCE_S3_REGION"] ?? "us-east-1";
  const accessKeyId = env["ORDER_SOURCE_S3_ACCESS_KEY_ID"];
  const secretAccessKey = env["ORDER_SOURCE_S3_SECRET_ACCESS_KEY"];
  const sessionToken = env["ORDER_SOURCE_S3_SESSION_TOKEN"];
  return {
    endpoint: env["ORDER_SOURCE_S3_ENDPOINT"] ?? `https://s3.${region}.amazonaws.com`,
    region,
    ...(accessKeyId ? { accessKeyId } : {}),
    ...(secretAccessKey ? { secretAccessKey } : {}),
    ...(sessionToken ? { sessionToken } : {}),
  };
}

/** `host:port` of an endpoint that the administrator configured: it may be a private address. */
export function trustedEndpoint(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  const endpoint = env["ORDER_SOURCE_S3_ENDPOINT"];
  if (!endpoint || !URL.canParse(endpoint)) return [];
  const url = new URL(endpoint);
  return [`${url.hostname}:${portOf(url)}`];
}

/** The store's HTTP address of an object. */
export function objectAddress(uri: URL, settings: S3Settings): string {
  const key = decodeURIComponent(uri.pathname.slice(1));
  const { endpoint, region, accessKeyId, secretAccessKey, sessionToken } = settings;
  if (!accessKeyId || !secretAccessKey) {
    const path = [uri.hostname, ...key.split("/")].map(encodeURIComponent).join("/");
    return `${endpoint.replace(/\/$/, "")}/${path}`;
  }
  const client = new S3Client({
    endpoint,
    region,
    bucket: uri.hostname,
    accessKeyId,
    secretAccessKey,
    ...(sessionToken ? { sessionToken } : {}),
  });
  return client.presign(key, { expiresIn: PRESIGNED_FOR_SECONDS });
}

/** A source for `s3:` URIs. `http` must hold a guard that lets the endpoint pass. */
export function s3Source(options: { guard: Guard; http: Source; settings: S3Settings }): Source {
  return {
    open: async (uri, request) => {
      const url = options.guard.uri(uri);
      if (url.kind === "refused") return permanent(url.reason);
      if (url.value.pathname.length < 2) return permanent(`Cannot fetch '${uri}': it names no object`);
      return options.http.open(objectAddress(url.value, options.settings), request);
    },
  };
}
