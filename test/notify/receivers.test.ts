/** The sample receivers of docs/receivers against the whole service, with webhooks made by the command line. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { join } from "node:path";
import { connect, type Db, tenantSchema } from "#store/db.ts";
import { writeSetting } from "#store/settings.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { eventually, LIMIT } from "../support/eventually.ts";
import { temporaryFolder } from "../support/folder.ts";
import { addProduct } from "../support/product.ts";
import { type RunningStart, runProgram, startProgram } from "../support/program.ts";
import { smtpServer, type TestSmtp } from "../support/smtp.ts";
import { sourceServer } from "../support/source-server.ts";

const RECEIVERS = join(import.meta.dir, "../../docs/receivers");
const USER = "alice@example.org";
const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const folder = temporaryFolder("receivers");

const COMMANDS: Record<string, readonly string[]> = {
  python: ["python3", join(RECEIVERS, "receiver.py")],
  typescript: [process.execPath, join(RECEIVERS, "receiver.ts")],
};

type Message = { id: string; type: string; data: Record<string, unknown> };

/** Runs a receiver on a port of its own. */
async function receiver(command: readonly string[], secret: string, port = 0) {
  const child = Bun.spawn([...command, `${port}`], {
    env: { ...process.env, ORDER_WEBHOOK_SECRET: secret },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const messages: Message[] = [];
  const reading = lines(child.stdout, (line) => messages.push(JSON.parse(line) as Message));
  const url = Promise.withResolvers<string>();
  const saying = lines(child.stderr, (line) => {
    const found = /http:\S+/.exec(line)?.[0];
    if (found) url.resolve(found);
    else process.stderr.write(`${line}\n`);
  });
  return {
    url: await url.promise,
    messages,
    async stop(): Promise<void> {
      child.kill("SIGKILL");
      await Promise.all([child.exited, reading, saying]);
    },
  };
}

async function lines(stream: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<void> {
  let rest = "";
  for await (const chunk of stream) {
    const parts = (rest + new TextDecoder().decode(chunk)).split("\n");
    rest = parts.pop() ?? "";
    for (const line of parts) onLine(line);
  }
}

describe.each(Object.entries(COMMANDS))("receiver in %s", (_language, command) => {
  test("takes what is signed, once, and refuses what is forged, changed or old", async () => {
    const running = await receiver(command, SECRET);
    try {
      const post = async (o: { body?: string; sent?: string; at?: number; secret?: string; more?: string } = {}) => {
        const {
          body = '{"type":"DONE"}',
          sent = body,
          at = Math.floor(Date.now() / 1000),
          secret = SECRET,
          more = "",
        } = o;
        const key = Buffer.from(secret.slice(6), "base64");
        const signature = createHmac("sha256", key).update(`msg_1.${at}.${body}`).digest("base64");
        const headers = {
          "webhook-id": "msg_1",
          "webhook-timestamp": `${at}`,
          "webhook-signature": `${more}v1,${signature}`,
        };
        return (await fetch(running.url, { method: "POST", headers, body: sent })).status;
      };
      expect(await post({ sent: '{"type":"FAILED"}' })).toBe(401);
      expect(await post({ secret: "whsec_AAAA" })).toBe(401);
      expect(await post({ at: Math.floor(Date.now() / 1000) - 600 })).toBe(401);
      expect((await fetch(running.url, { method: "POST", body: "{}" })).status).toBe(401);
      expect(running.messages).toEqual([]);
      expect(await post({ more: "v1,b3RoZXI= " })).toBe(204);
      expect(await post()).toBe(204);
      await eventually("it is told", () => running.messages.length > 0);
      expect(running.messages).toEqual([{ type: "DONE" }] as never);
    } finally {
      await running.stop();
    }
  });
});

describe("the whole service", () => {
  let service: RunningStart;
  let database: TestDatabase;
  let db: Db;
  let smtp: TestSmtp;
  const cleanUp: (() => unknown)[] = [];
  const env = () => ({ ORDER_DATABASE_URL: database.url, HOME: folder.path, XDG_CONFIG_HOME: folder.path });
  const run = async (line: string, input = "") => {
    const outcome = await runProgram(line.split(" "), { env: env(), input });
    if (outcome.code !== 0) throw new Error(`${line}: ${outcome.stderr}`);
    return outcome.stdout.trimEnd().split("\n");
  };

  beforeAll(async () => {
    const source = await sourceServer({ "/scene.tif": { bytes: new Uint8Array(1000) } });
    database = await testDatabase("receivers");
    smtp = await smtpServer();
    service = await startProgram(join(folder.path, "home"), {
      env: { ...env(), ORDER_SMTP_URL: smtp.url, ORDER_MAIL_FROM: "orders@example.org" },
    });
    db = connect(database.url, { schema: tenantSchema("default"), max: 2 });
    for (const name of ["allowed_private_networks", "allowed_webhook_networks"])
      await writeSetting(db, name, ["127.0.0.0/8"]);
    await writeSetting(db, "allowed_webhook_schemes", ["http"]);
    const product = { name: "scene", properties: { platform: ["skua"] }, uri: `${source.url}/scene.tif` };
    await addProduct(db, product, new Date());
    cleanUp.push(
      () => service.end("SIGTERM"),
      () => db.end(),
      database.drop,
      source.stop,
      smtp.stop,
    );
  }, LIMIT.slow);
  afterAll(async () => {
    for (const step of cleanUp) await step();
    folder.remove();
  }, LIMIT.slow);

  test(
    "an order is told to the receivers and by mail, from beginning to end; a replay changes nothing",
    async () => {
      await run(`user add ${USER} --role REGISTERED_USER --password-stdin`, "secret");
      await run(`login ${service.url} --user ${USER} --password-stdin`, "secret");
      const running: Awaited<ReturnType<typeof receiver>>[] = [];
      for (const command of Object.values(COMMANDS)) {
        const probe = await receiver(command, SECRET);
        await probe.stop();
        const [id, secret = ""] = await run(`webhook add ${probe.url}/ --kinds GRANTED,SUBORDER_DONE,DONE`);
        running.push(await receiver(command, secret, Number(new URL(probe.url).port)));
        expect(await run(`webhook ping ${id}`)).toEqual([expect.stringMatching(/^msg_/)]);
      }
      try {
        const [applied] = await run("order apply --query platform:skua --wait --json");
        expect(applied).toBeDefined();
        const types = ["PING", "GRANTED", "SUBORDER_DONE", "DONE"];
        for (const one of running) {
          await eventually("all is told", () => one.messages.length === types.length, LIMIT.slow);
          expect(one.messages.map(({ type }) => type)).toEqual(types);
          expect(one.messages.at(-1)?.data).toMatchObject({ status: "DONE", orderId: 1 });
        }
        await eventually("the mails are there", () => smtp.mails.length === 2);
        expect(smtp.mails.map(({ headers }) => headers["subject"])).toEqual([
          "Order number 1 is confirmed",
          "Order number 1 is finished",
        ]);
        expect(await run("webhook replay 1 --order 1")).toEqual(["3 messages"]);
        await eventually("all is told again", async () => {
          const waiting = await db`SELECT FROM notifications WHERE state = 'waiting'`;
          return waiting.count === 0;
        });
        expect((await run("webhook deliveries 1")).filter((line) => line.includes("delivered"))).toHaveLength(4);
        expect(running[0]?.messages).toHaveLength(types.length);
        const link = /https?:\S+public\/download\S+/.exec(smtp.mails[1]?.text ?? "")?.[0] ?? "";
        const zip = await fetch(link);
        expect([zip.status, (await zip.bytes()).length > 1000]).toEqual([200, true]);
      } finally {
        for (const one of running) await one.stop();
      }
    },
    LIMIT.slow,
  );
});
