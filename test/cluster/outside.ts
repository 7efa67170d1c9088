/**
 * What a tenant has outside of the cluster: a broker and an object store on this machine, doors through which pods reach them, and the Secrets that
 * name them as an administrator would make them.
 */
import { S3Client } from "bun";
import { testBroker } from "#test/support/rabbitmq.ts";
import { testS3 } from "#test/support/s3.ts";
import { tcpProxy } from "#test/support/tcp-proxy.ts";
import type { TenantGround } from "./tenant-ground.ts";

const PREFIX = "kept";

export type Outside = Awaited<ReturnType<typeof outside>>;

export async function outside({ apply, cluster, namespace, networkPolicy }: TenantGround) {
  const [broker, s3] = await Promise.all([testBroker(), testS3()]);
  if (!broker || !s3)
    throw new Error("Cannot bring up what is outside of the cluster: RabbitMQ or Go is not installed");
  const door = (port: number) => tcpProxy({ host: "127.0.0.1", port }, cluster.machine);
  const [toBroker, toS3] = await Promise.all([door(broker.port), door(Number(new URL(s3.endpoint).port))]);
  const amqp = new URL(broker.url);
  amqp.host = `${cluster.machine}:${toBroker.port}`;
  const secret = (name: string, stringData: Readonly<Record<string, string>>) => ({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, namespace },
    stringData,
  });
  const { bucket, accessKeyId, secretAccessKey } = s3;
  await apply(secret("amqp", { url: amqp.href }), secret("s3", { accessKeyId, secretAccessKey }));
  const endpoint = `http://${cluster.machine}:${toS3.port}`;
  const bucketClient = new S3Client({
    endpoint: s3.endpoint,
    region: "us-east-1",
    bucket,
    accessKeyId,
    secretAccessKey,
  });
  return {
    broker,
    /** Values of the chart that have a release use them. */
    values: {
      networkPolicy: { ...networkPolicy, servicePorts: [...networkPolicy.servicePorts, toBroker.port] },
      amqp: { enabled: true, existingSecret: "amqp" },
      blobs: { s3: { bucket, prefix: PREFIX, endpoint, existingSecret: "s3" } },
    },
    /** Sizes of the objects of the release. */
    async objectSizes(): Promise<readonly number[]> {
      const { contents = [] } = await bucketClient.list({ prefix: `${PREFIX}/` });
      return contents.map(({ size = 0 }) => size);
    },
    async close(): Promise<void> {
      await Promise.all([toBroker.stop(), toS3.stop()]);
      await Promise.all([broker.stop(), s3.stop()]);
    },
  };
}
