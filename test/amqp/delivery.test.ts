/** rs-delivery (rs-order.md §4.10) with the whole service: request over RabbitMQ, order, Jobs, archive in a real S3 bucket, answers. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { S3Client } from "bun";
import { connect, type Db, tenantSchema } from "#store/db.ts";
import { writeSetting } from "#store/settings.ts";
import { upsertUser } from "#store/users.ts";
import { testDatabase } from "../support/database.ts";
import { type DeliveryClient, deliveryClient } from "../support/delivery-client.ts";
import { eventually, LIMIT } from "../support/eventually.ts";
import { temporaryFolder } from "../support/folder.ts";
import { addProduct } from "../support/product.ts";
import { type RunningStart, startProgram } from "../support/program.ts";
import { type TestBroker, testBroker, VHOST } from "../support/rabbitmq.ts";
import { readZip } from "../support/read-zip.ts";
import { type TestS3, testS3 } from "../support/s3.ts";
import { sourceServer } from "../support/source-server.ts";

const USER = "alice@example.org";
const LONG_MS = 90_000;
const SCENES = [1, 2, 3, 4, 5];

const broker = (await testBroker()) as TestBroker;
const s3 = (await testS3()) as TestS3;
const folder = temporaryFolder("amqp-delivery");

describe.skipIf(!broker || !s3)("deliveries", () => {
  let service: RunningStart;
  let client: DeliveryClient;
  let db: Db;
  const cleanUp: (() => unknown)[] = [];

  beforeAll(async () => {
    const files = SCENES.map((n) => [`/scene-${n}.tif`, { bytes: Buffer.from(`bytes of scene ${n}`) }] as const);
    const source = await sourceServer(Object.fromEntries(files));
    const database = await testDatabase("amqp_delivery");
    service = await startProgram(join(folder.path, "home"), {
      env: {
        ORDER_DATABASE_URL: database.url,
        ORDER_AMQP_URL: broker.url,
        ORDER_DELIVERY_URL: `s3://${s3.bucket}/out/going`,
        ORDER_DELIVERY_S3_ENDPOINT: s3.endpoint,
        ORDER_DELIVERY_S3_ACCESS_KEY_ID: s3.accessKeyId,
        ORDER_DELIVERY_S3_SECRET_ACCESS_KEY: s3.secretAccessKey,
      },
    });
    db = connect(database.url, { schema: tenantSchema("default"), max: 2 });
    await upsertUser(db, { email: USER, role: "REGISTERED_USER", groups: [], active: true });
    await writeSetting(db, "allowed_private_networks", ["127.0.0.0/8"]);
    // A sub-order for each file, and a gate that would hold back the third until a user has downloaded.
    await writeSetting(db, "sub_order_max_files", 1);
    await writeSetting(db, "download_gate", "Always");
    for (const n of SCENES) {
      const uri = `${source.url}/scene-${n}.tif`;
      await addProduct(db, { name: `scene-${n}`, bytes: 16, properties: { platform: ["skua"] }, uri }, new Date());
    }
    const waits = Array.from({ length: 100 }, () => ({ status: 202, headers: { "retry-after": "60" } }));
    source.files.set("/tape.tif", { bytes: new Uint8Array(1), first: waits });
    const tape = `${source.url}/tape.tif`;
    await addProduct(db, { name: "tape", properties: { platform: ["tape"] }, uri: tape }, new Date());
    const gone = `${source.url}/gone.tif`;
    await addProduct(db, { name: "gone", properties: { platform: ["gone"] }, uri: gone }, new Date());
    client = await deliveryClient(broker, "default");
    await eventually(
      "requests are taken",
      async () => (await broker.ctl("list_consumers", "-p", VHOST)).includes("DeliveryRequestEventHandler"),
      LIMIT.slow,
    );
    cleanUp.push(
      () => service.end("SIGTERM"),
      () => db.end(),
      database.drop,
      source.stop,
    );
  }, LONG_MS);
  afterAll(async () => {
    for (const step of cleanUp) await step();
    await broker.stop();
    await s3.stop();
    folder.remove();
  }, LONG_MS);

  const request = (changes: Record<string, unknown> = {}) => ({
    correlationId: crypto.randomUUID(),
    targetDelivery: "archive-exchange",
    order: { user: USER, queries: ["platform:skua"] },
    ...changes,
  });

  async function stored(url: string): Promise<Buffer> {
    const key = url.replace(`s3://${s3.bucket}/`, "");
    return Buffer.from(await new S3Client({ ...s3, region: "us-east-1" }).file(key).bytes());
  }

  test(
    "an order of many sub-orders is brought to the bucket as one archive, a folder for each product, with its hashes",
    async () => {
      const asked = request();
      await client.ask(asked, { appId: "their-app", priority: 7 });
      const [granted, done] = await client.answers(asked.correlationId, 2);
      expect(granted?.status).toBe("GRANTED");
      expect(granted?.orderId).toBeGreaterThan(0);
      const name = `delivery-${asked.correlationId}.zip`;
      const url = `s3://${s3.bucket}/out/going/default/${granted?.orderId}/${name}`;
      expect(done).toMatchObject({ status: "DONE", url, orderId: granted?.orderId });
      const bytes = await stored(url);
      const hash = (algorithm: string) => createHash(algorithm).update(bytes).digest("hex");
      expect(done).toMatchObject({ md5: hash("md5"), sha256: hash("sha256"), size: bytes.length });
      expect(readZip(bytes)).toEqual(
        Object.fromEntries(SCENES.map((n) => [`scene-${n}_1/scene-${n}.tif`, `bytes of scene ${n}`])),
      );
      const [row] = await db<{ subOrdersTotal: number }[]>`
        SELECT sub_orders_total FROM orders WHERE id = ${granted?.orderId ?? 0}`;
      expect(row?.subOrdersTotal).toBe(SCENES.length);
      const states = await db<{ state: string }[]>`
        SELECT DISTINCT state FROM order_files WHERE order_id = ${granted?.orderId ?? 0}`;
      expect(states.map(({ state }) => state)).toEqual(["DOWNLOADED"]);
      for (const { raw } of client.heard.filter(({ answer }) => answer.correlationId === asked.correlationId)) {
        expect(raw.properties).toMatchObject({ appId: "their-app", priority: 7, correlationId: asked.correlationId });
        expect(raw.properties.headers?.["regards.type"]).toEndWith("delivery.amqp.output.DeliveryResponseDtoEvent");
      }
    },
    LONG_MS,
  );

  test(
    "an archive of one product is named after it; a repeat makes no second one, and a reply queue hears it too",
    async () => {
      const { queue } = await client.channel.assertQueue("", { exclusive: true });
      const asked = request({ order: { user: USER, queries: ["productId:scene-1"] } });
      await client.ask(asked, { replyTo: queue });
      await client.ask(asked, { replyTo: queue });
      const [granted, done] = await client.answers(asked.correlationId, 2);
      expect(done?.url).toBe(`s3://${s3.bucket}/out/going/default/${granted?.orderId}/scene-1_1.zip`);
      await client.ask(asked, { replyTo: queue });
      const marker = request({ order: { queries: ["a:b"] } });
      await client.ask(marker);
      await client.answers(marker.correlationId, 1);
      expect((await client.answers(asked.correlationId, 2)).map(({ status }) => status)).toEqual(["GRANTED", "DONE"]);
      expect((await client.channel.checkQueue(queue)).messageCount).toBe(2);
    },
    LONG_MS,
  );

  const refused: Record<string, { changes: Record<string, unknown>; want: Record<string, unknown> }> = {
    "without a target": {
      changes: { targetDelivery: undefined },
      want: {
        status: "DENIED",
        errorType: "INVALID_CONTENT",
        message: expect.stringContaining("targetDelivery is mandatory"),
      },
    },
    "without an order": {
      changes: { order: undefined },
      want: { status: "DENIED", errorType: "INVALID_CONTENT", message: expect.stringContaining("order is mandatory") },
    },
    "without a user": {
      changes: { order: { queries: ["platform:skua"] } },
      want: { status: "DENIED", errorType: "INVALID_CONTENT" },
    },
    "of a user that nobody knows": {
      changes: { order: { user: "nobody@example.org", queries: ["platform:skua"] } },
      want: { status: "DENIED", errorType: "FORBIDDEN" },
    },
    "of nothing": {
      changes: { order: { user: USER, queries: ["platform:none"] } },
      want: { status: "ERROR", errorType: "EMPTY_ORDER" },
    },
    "over its own size limit": {
      changes: { order: { user: USER, queries: ["platform:skua"], sizeLimitInBytes: 10 } },
      want: { status: "ERROR", errorType: "ORDER_LIMIT_REACHED" },
    },
  };
  for (const [name, { changes, want }] of Object.entries(refused)) {
    test(`a request ${name} is refused in words`, async () => {
      const asked = request(changes);
      await client.ask(asked);
      const [answer] = await client.answers(asked.correlationId, 1);
      expect(answer).toMatchObject({ correlationId: asked.correlationId, ...want });
      expect(answer?.errorCode).toBe(answer?.errorType);
      expect(answer).not.toHaveProperty("orderId");
    });
  }

  test("the tenant's size limit holds for every delivery", async () => {
    await writeSetting(db, "delivery_order_size_limit_bytes", 20);
    const asked = request();
    await client.ask(asked);
    const [answer] = await client.answers(asked.correlationId, 1);
    expect(answer).toMatchObject({ status: "ERROR", errorType: "ORDER_LIMIT_REACHED" });
    await db`DELETE FROM settings WHERE name = 'delivery_order_size_limit_bytes'`;
  });

  test(
    "an order that fails is told as an error, and one that takes too long as expired",
    async () => {
      const failing = request({ order: { user: USER, queries: ["platform:gone"] } });
      await client.ask(failing);
      const [, error] = await client.answers(failing.correlationId, 2);
      expect(error).toMatchObject({ status: "ERROR", errorType: "INTERNAL_ERROR" });
      expect(error?.message).toBe(
        `Order of user ${USER} is finished with errors. One or many files could not be retrieved.`,
      );
      const slow = request({ order: { user: USER, queries: ["platform:tape"] } });
      await client.ask(slow);
      const [granted] = await client.answers(slow.correlationId, 1);
      await db`UPDATE deliveries SET expires_at = now() WHERE order_id = ${granted?.orderId ?? 0}`;
      const [, end] = await client.answers(slow.correlationId, 2);
      expect(end).toMatchObject({
        status: "ERROR",
        errorType: "EXPIRED",
        message: "The delivery was not done in time",
      });
    },
    LONG_MS,
  );
});
