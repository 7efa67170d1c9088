/** Deliveries by processes that are killed or frozen in the middle of an upload: another goes on, and the archive is there once and whole. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { S3Client } from "bun";
import { deliveryGranted } from "#api/amqp/delivery/messages.ts";
import { openBlobStore } from "#store/blobs/open.ts";
import { insertDelivery } from "#store/deliveries.ts";
import { type Bucket, openBucket } from "#store/s3/bucket.ts";
import { type AmqpWorld, amqpWorld, TENANT } from "../support/amqp-world.ts";
import { makeOrder } from "../support/api-world.ts";
import { type DeliveryClient, deliveryClient } from "../support/delivery-client.ts";
import { eventually, LIMIT } from "../support/eventually.ts";
import { temporaryFolder } from "../support/folder.ts";
import { readZip } from "../support/read-zip.ts";
import { type TestS3, testS3 } from "../support/s3.ts";
import { type TcpProxy, tcpProxy } from "../support/tcp-proxy.ts";

const LISTENER = join(import.meta.dir, "../support/amqp-listener-process.ts");
const FILES = 20;
const FILE_BYTES = 8 * 1024 * 1024;
const LONG_MS = 120_000;

const world = (await amqpWorld("amqp_delivery_processes")) as AmqpWorld;
const s3 = (await testS3()) as TestS3;
const folder = temporaryFolder("delivery-processes");
const never = new AbortController().signal;

describe.skipIf(!world || !s3)("deliveries by several processes", () => {
  let client: DeliveryClient;
  let bucket: Bucket;
  let proxy: TcpProxy;
  let children: Bun.Subprocess[] = [];
  const blobsUrl = pathToFileURL(folder.path).href;

  beforeAll(() => {
    bucket = openBucket({ ...s3, region: "us-east-1", now: () => new Date() });
  });
  beforeEach(async () => {
    client = await deliveryClient(world.broker, TENANT);
    proxy = await tcpProxy({ host: "127.0.0.1", port: Number(new URL(s3.endpoint).port) });
  });
  afterEach(async () => {
    for (const child of children) child.kill("SIGKILL");
    await Promise.all(children.map((child) => child.exited));
    children = [];
    await client.connection.close();
    await proxy.stop();
  });
  afterAll(async () => {
    await world.close();
    await s3.stop();
    folder.remove();
  });

  async function start(): Promise<Bun.Subprocess> {
    const child = Bun.spawn([process.execPath, LISTENER, world.url, world.schema, world.broker.url, blobsUrl], {
      env: {
        ...process.env,
        ORDER_DELIVERY_URL: `s3://${s3.bucket}`,
        ORDER_S3_ENDPOINT: `http://127.0.0.1:${proxy.port}`,
        ORDER_S3_ACCESS_KEY_ID: s3.accessKeyId,
        ORDER_S3_SECRET_ACCESS_KEY: s3.secretAccessKey,
      },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit",
    });
    children.push(child);
    await child.stdout.getReader().read();
    return child;
  }

  /** A delivery that is due: its order is done, its files are there. */
  async function dueDelivery(): Promise<{ orderId: number; correlationId: string; key: string }> {
    const blobs = await openBlobStore(blobsUrl, {});
    const content = Buffer.alloc(FILE_BYTES, "a line of a large file\n");
    const files = Array.from({ length: FILES }, (_, i) => ({ name: `part-${i}.dat`, content }));
    const now = () => new Date();
    const { id: orderId } = await makeOrder({ db: world.db, blobs, now }, files, {
      owner: "ada@example.org",
      status: "DONE",
    });
    const correlationId = crypto.randomUUID();
    const delivery = { orderId, owner: "ada@example.org", correlationId, target: "t", sizeLimit: 1e12, envelope: {} };
    const expiresAt = new Date(Date.now() + 3_600_000);
    await insertDelivery(world.db, { ...delivery, expiresAt }, { granted: deliveryGranted(delivery), now: now() });
    return { orderId, correlationId, key: `${TENANT}/${orderId}/delivery-${correlationId}.zip` };
  }

  /** Once some parts of the upload are there, but not all. */
  async function inTheMiddle(key: string): Promise<string> {
    return await eventually(
      "some parts are there",
      async () => {
        const [begun] = await bucket.uploads(key, never);
        return begun !== undefined && (await bucket.parts(key, begun.id, never)).length >= 2 ? begun.id : undefined;
      },
      LIMIT.slow,
    );
  }

  const claimRunsOut = (orderId: number) =>
    world.db`UPDATE deliveries SET next_attempt_at = now() WHERE order_id = ${orderId} AND state = 'Waiting'`;

  async function isWhole(delivery: { correlationId: string; key: string }): Promise<void> {
    const answers = await client.answers(delivery.correlationId, 2);
    expect(answers.map(({ status }) => status)).toEqual(["GRANTED", "DONE"]);
    const bytes = Buffer.from(await new S3Client({ ...s3, region: "us-east-1" }).file(delivery.key).bytes());
    expect(answers[1]?.md5).toBe(createHash("md5").update(bytes).digest("hex"));
    expect(Object.keys(readZip(bytes))).toHaveLength(FILES);
    expect(await bucket.uploads(delivery.key, never)).toEqual([]);
    const [row] = await world.db<{ state: string }[]>`
      SELECT state FROM deliveries WHERE correlation_id = ${delivery.correlationId}`;
    expect(row?.state).toBe("Done");
  }

  test(
    "killed with -9 in the middle of an upload: another goes on, and leaves no upload behind",
    async () => {
      const first = await start();
      const delivery = await dueDelivery();
      await inTheMiddle(delivery.key);
      first.kill("SIGKILL");
      await first.exited;
      expect(await bucket.head(delivery.key, never)).toBeUndefined();
      await claimRunsOut(delivery.orderId);
      await start();
      await isWhole(delivery);
    },
    LONG_MS,
  );

  test(
    "frozen in the middle and thawed after another has done it: it ends nothing a second time",
    async () => {
      const frozen = await start();
      const delivery = await dueDelivery();
      await inTheMiddle(delivery.key);
      frozen.kill("SIGSTOP");
      await claimRunsOut(delivery.orderId);
      await start();
      await isWhole(delivery);
      frozen.kill("SIGCONT");
      const next = await dueDelivery();
      await isWhole(next);
      await isWhole(delivery);
      expect(frozen.exitCode).toBeNull();
    },
    LONG_MS,
  );

  test(
    "a delivery whose time is over in the middle of an upload is told as expired, and nothing of it is left",
    async () => {
      const first = await start();
      const delivery = await dueDelivery();
      await inTheMiddle(delivery.key);
      first.kill("SIGKILL");
      await first.exited;
      await world.db`UPDATE deliveries SET expires_at = now(), next_attempt_at = now()`;
      await start();
      const [, end] = await client.answers(delivery.correlationId, 2);
      expect(end).toMatchObject({ status: "ERROR", errorType: "EXPIRED", orderId: delivery.orderId });
      expect(await bucket.uploads(delivery.key, never)).toEqual([]);
      expect(await bucket.head(delivery.key, never)).toBeUndefined();
    },
    LONG_MS,
  );

  test(
    "two processes at once make every archive once, also while the bucket's connections are cut",
    async () => {
      await Promise.all([start(), start()]);
      const due = [await dueDelivery(), await dueDelivery(), await dueDelivery()];
      for (const { key } of due.slice(0, 2)) {
        await inTheMiddle(key);
        proxy.cut();
      }
      for (const delivery of due) await isWhole(delivery);
    },
    LONG_MS,
  );
});
