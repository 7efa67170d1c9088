/** The sample clients of docs/clients against the whole service: they order, wait, and end with the order. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { connect, tenantSchema } from "#store/db.ts";
import { writeSetting } from "#store/settings.ts";
import { upsertUser } from "#store/users.ts";
import { testDatabase } from "../support/database.ts";
import { eventually, LIMIT } from "../support/eventually.ts";
import { temporaryFolder } from "../support/folder.ts";
import { addProduct } from "../support/product.ts";
import { type RunningStart, startProgram } from "../support/program.ts";
import { type TestBroker, testBroker, VHOST } from "../support/rabbitmq.ts";
import { sourceServer } from "../support/source-server.ts";

const CLIENTS = join(import.meta.dir, "../../docs/clients");
const USER = "alice@example.org";
const LONG_MS = 60_000;

const broker = (await testBroker()) as TestBroker;
const folder = temporaryFolder("amqp-clients");
const python = await pythonWithPika();

/** The interpreter of a virtual environment that has pika; undefined, with a word on why, where there is none. */
async function pythonWithPika(): Promise<string | undefined> {
  const venv = join(folder.path, "venv");
  const made = (await run(["python3", "-m", "venv", venv])).code === 0;
  const installed = made && (await run([join(venv, "bin/pip"), "install", "--quiet", "pika==1.3.2"])).code === 0;
  if (installed) return join(venv, "bin/python");
  if (process.env["TEST_REQUIRE_ALL"] === "1") throw new Error("Cannot test the Python client: no venv with pika");
  console.warn("The Python client is not tested: no venv with pika can be made");
  return undefined;
}

async function run(command: readonly string[]): Promise<{ code: number; lines: readonly Record<string, unknown>[] }> {
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [output, problems, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code > 1) throw new Error(`'${command[0]}' ended with ${code}: ${problems}`);
  const lines = output.split("\n").filter((line) => line.startsWith("{"));
  return { code, lines: lines.map((line) => JSON.parse(line)) };
}

describe.skipIf(!broker)("clients", () => {
  let service: RunningStart;
  const cleanUp: (() => unknown)[] = [];

  beforeAll(async () => {
    const source = await sourceServer({ "/scene.tif": { bytes: new Uint8Array(1000) } });
    const database = await testDatabase("amqp_clients");
    service = await startProgram(join(folder.path, "home"), {
      env: { ORDER_DATABASE_URL: database.url, ORDER_AMQP_URL: broker.url },
    });
    const db = connect(database.url, { schema: tenantSchema("default"), max: 2 });
    await upsertUser(db, { email: USER, role: "REGISTERED_USER", groups: [], active: true });
    await writeSetting(db, "allowed_private_networks", ["127.0.0.0/8"]);
    await addProduct(
      db,
      { name: "scene", properties: { platform: ["skua"] }, uri: `${source.url}/scene.tif` },
      new Date(),
    );
    await eventually(
      "requests are taken",
      async () => (await broker.ctl("list_consumers", "-p", VHOST)).includes("OrderRequestEventHandler"),
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
    folder.remove();
  }, LONG_MS);

  const clients: Record<string, readonly string[] | undefined> = {
    "order.ts": [process.execPath, join(CLIENTS, "order.ts")],
    "order.py": python === undefined ? undefined : [python, join(CLIENTS, "order.py")],
  };
  for (const [name, command] of Object.entries(clients)) {
    test.skipIf(command === undefined)(
      `${name} orders, hears of each step, and ends with the order`,
      async () => {
        const { code, lines } = await run([...(command ?? []), broker.url, USER, "platform:skua"]);
        expect(lines.map(({ status }) => status)).toEqual(["GRANTED", "SUBORDER_DONE", "DONE"]);
        const { orderId } = lines[0] ?? {};
        const downloadLink = `${service.url}/api/v1/rs-order/user/orders/${orderId}/download`;
        expect(lines[2]).toMatchObject({ orderId, downloadLink, message: `Order of user ${USER} is finished` });
        expect(code).toBe(0);
      },
      LONG_MS,
    );

    test.skipIf(command === undefined)(
      `${name} ends with 1 when it is refused`,
      async () => {
        const { code, lines } = await run([...(command ?? []), broker.url, "nobody@example.org", "platform:skua"]);
        expect(lines.map(({ status, errorType }) => [status, errorType])).toEqual([["DENIED", "FORBIDDEN"]]);
        expect(code).toBe(1);
      },
      LONG_MS,
    );
  }
});
