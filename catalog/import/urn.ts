/** URNs that follow from what they name, so that importing the same thing again finds it: `URN:AIP:DATA:<tenant>:<uuid>:V<version>`. */
import { createHash } from "node:crypto";

export function datasetUrn(tenant: string, dataset: string): string {
  return `URN:AIP:DATASET:${tenant}:${uuidOf(dataset)}:V1`;
}

export function productUrn(tenant: string, product: { dataset: string; providerId: string; version: number }): string {
  return `URN:AIP:DATA:${tenant}:${uuidOf(`${product.dataset}\n${product.providerId}`)}:V${product.version}`;
}

/** A UUID of version 8 (RFC 9562) out of the name's SHA-256. */
function uuidOf(name: string): string {
  const bytes = createHash("sha256").update(name).digest();
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString("hex", 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
