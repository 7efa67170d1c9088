/** Signatures of webhooks by the Standard Webhooks specification (v1, symmetric): HMAC-SHA-256 over id, time and body. Pure. */
import { createHmac } from "node:crypto";

const PREFIX = "whsec_";
const SECRET_BYTES = 32;

/** A new secret, in the form that verifying libraries take. */
export function newSecret(randomBytes: (bytes: number) => Uint8Array): string {
  return PREFIX + Buffer.from(randomBytes(SECRET_BYTES)).toString("base64");
}

export type Signed = { readonly id: string; readonly at: Date; readonly body: string };

/** The three headers; each of the secrets signs. */
export function signedHeaders({ id, at, body }: Signed, secrets: readonly string[]): Readonly<Record<string, string>> {
  const timestamp = `${Math.floor(at.getTime() / 1000)}`;
  const content = `${id}.${timestamp}.${body}`;
  return {
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": secrets.map((secret) => signature(secret, content)).join(" "),
  };
}

function signature(secret: string, content: string): string {
  const key = Buffer.from(secret.slice(PREFIX.length), "base64");
  return `v1,${createHmac("sha256", key).update(content).digest("base64")}`;
}
