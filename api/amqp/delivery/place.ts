/** Where deliveries go, from the environment: `ORDER_DELIVERY_URL=s3://bucket/prefix`, with its own access or that of the blob store. */
import { openBucket } from "#store/s3/bucket.ts";
import type { DeliveryPlace } from "./deliver.ts";

const DEFAULT_REGION = "us-east-1";

/** Undefined where no deliveries are made; throws where what is given cannot be used. */
export function deliveryPlace(
  env: Readonly<Record<string, string | undefined>>,
  now: () => Date,
): DeliveryPlace | undefined {
  const text = env["ORDER_DELIVERY_URL"];
  if (!text) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "s3:" || url.host === "") {
    throw new Error(`Cannot deliver: ORDER_DELIVERY_URL must be s3://bucket or s3://bucket/prefix, got '${text}'`);
  }
  const setting = (name: string) => env[`ORDER_DELIVERY_S3_${name}`] || env[`ORDER_S3_${name}`];
  const region = setting("REGION") ?? DEFAULT_REGION;
  const [accessKeyId, secretAccessKey] = [setting("ACCESS_KEY_ID"), setting("SECRET_ACCESS_KEY")];
  if (!accessKeyId || !secretAccessKey) {
    throw new Error(
      "Cannot deliver: ORDER_DELIVERY_S3_ACCESS_KEY_ID and ORDER_DELIVERY_S3_SECRET_ACCESS_KEY are not set",
    );
  }
  const prefix = decodeURIComponent(url.pathname).replaceAll(/^\/+|\/+$/g, "");
  const endpoint = setting("ENDPOINT") ?? `https://s3.${region}.amazonaws.com`;
  return {
    bucket: openBucket({ bucket: url.host, endpoint, region, accessKeyId, secretAccessKey, now }),
    prefix: prefix && `${prefix}/`,
  };
}
