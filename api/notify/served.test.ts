/** Webhooks and mail templates over REST, and the links of mails as whoever has them follows them. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { writeSetting } from "#store/settings.ts";
import { ADA, ADMIN, type ApiWorld, apiWorld, BOB, PREFIX, PUBLIC_URL, SECRET } from "#test/support/api-world.ts";
import { readZip } from "#test/support/read-zip.ts";
import { orderTokenKey } from "../auth/order-tokens.ts";
import { valuesOf } from "./mail/message.ts";

let world: ApiWorld;
beforeAll(async () => {
  world = await apiWorld("notify_served");
  await writeSetting(world.db, "allowed_webhook_schemes", ["http", "https"]);
});
afterAll(() => world.close());
beforeEach(async () => {
  await world.db`TRUNCATE webhooks, mail_templates, notifications CASCADE`;
});

type Body = Record<string, unknown> & { messages?: string[] };
async function call(route: string, o: Parameters<ApiWorld["call"]>[1] = {}): Promise<{ status: number; body: Body }> {
  const response = await world.call(route, o);
  const text = await response.text();
  return { status: response.status, body: text === "" ? {} : (JSON.parse(text) as Body) };
}

const URL_ = "https://93.184.216.34/orders";
const words = { url: URL_, kinds: ["DONE", "FAILED"] };
const made = async (o: { as?: string; body?: object } = {}) => {
  const { status, body } = await call("POST /user/webhooks", { ...o, body: { ...words, ...o.body } });
  expect(status).toBe(201);
  return body as { id: number; secret: string };
};

describe("webhooks", () => {
  test("createWebhook shows the secret once, and no other answer has it", async () => {
    const { status, body } = await call("POST /user/webhooks", { body: { ...words, description: "my own" } });
    expect(status).toBe(201);
    const { secret, id, ...shown } = body as { secret: string; id: number };
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(shown).toEqual({
      owner: ADA,
      url: URL_,
      kinds: ["DONE", "FAILED"],
      description: "my own",
      active: true,
      creationDate: world.clock.now.toISOString(),
    });
    expect(await call("GET /user/webhooks")).toEqual({ status: 200, body: [{ id, ...shown }] as never });
    expect(await call(`GET /user/webhooks/${id}`)).toEqual({ status: 200, body: { id, ...shown } });
    expect(world.logged.join("")).not.toContain(secret);
  });

  const refused: Record<string, { body: unknown; want: string }> = {
    "the loopback": { body: { ...words, url: "http://localhost:9000/" }, want: "url: Cannot fetch" },
    "a private address in another notation": { body: { ...words, url: "http://0x7f.1/" }, want: "private or reserved" },
    "another scheme": { body: { ...words, url: "file:///etc/passwd" }, want: "scheme 'file' is not allowed" },
    "no URL": { body: { ...words, url: "orders" }, want: "url: Cannot read source address: it is no URI" },
    "a password in the URL": {
      body: { ...words, url: "https://me:secret@93.184.216.34/" },
      want: "url: expected a URL without user and password",
    },
    "no kinds": { body: { ...words, kinds: [] }, want: "kinds: " },
    "an unknown kind": { body: { ...words, kinds: ["DENIED"] }, want: "kinds[0]: expected one of GRANTED" },
    "an unknown field": { body: { ...words, secret: "mine" }, want: "secret: unknown field; expected one of url" },
  };
  for (const [name, { body, want }] of Object.entries(refused)) {
    test(`createWebhook refuses ${name} with the field and why`, async () => {
      const answer = await call("POST /user/webhooks", { body });
      expect(answer.status).toBe(422);
      expect(answer.body.messages?.[0]).toContain(want);
    });
  }

  test("createWebhook is of the tenant for administrators only, and ends at twenty", async () => {
    const tenant = { ...words, tenant: true };
    expect((await call("POST /user/webhooks", { body: tenant })).status).toBe(403);
    const { owner } = (await call("POST /user/webhooks", { as: ADMIN, body: tenant })).body;
    expect(owner).toBeUndefined();
    for (let n = 0; n < 20; n++) await made();
    expect((await call("POST /user/webhooks", { body: words })).status).toBe(409);
    await made({ as: BOB });
  });

  test("what is another's does not exist, except for administrators", async () => {
    const { id } = await made();
    const routes = ["GET ", "PUT ", "DELETE ", "POST /secret", "POST /ping", "POST /replay", "GET /deliveries"];
    for (const route of routes) {
      const [method, rest = ""] = route.split(" ");
      const answer = await call(`${method} /user/webhooks/${id}${rest}`, {
        as: BOB,
        body: method === "GET" ? undefined : words,
      });
      expect([route, answer.status, answer.body.messages]).toEqual([route, 404, [`Webhook ${id} does not exist`]]);
    }
    expect((await call("GET /user/webhooks", { as: BOB })).body).toEqual([] as never);
    expect((await call("GET /user/webhooks?all=true", { as: BOB })).body).toEqual([] as never);
    expect((await call("GET /user/webhooks?all=true", { as: ADMIN })).body).toHaveLength(1);
    expect((await call(`GET /user/webhooks/${id}`, { as: ADMIN })).status).toBe(200);
  });

  test("updateWebhook changes it and switches it on again; removeWebhook removes it", async () => {
    const { id } = await made();
    await world.db`UPDATE webhooks SET active = false, disabled_reason = 'gone', failing_since = ${world.clock.now}, failures = 3`;
    expect((await call(`GET /user/webhooks/${id}`)).body).toMatchObject({ active: false, disabledReason: "gone" });
    const ping = await call(`POST /user/webhooks/${id}/ping`);
    expect(ping).toEqual({ status: 409, body: { messages: [`Webhook ${id} is switched off: gone`] } });
    const { status, body } = await call(`PUT /user/webhooks/${id}`, { body: { ...words, kinds: ["PAUSED"] } });
    expect([status, body["active"], body["kinds"], body["disabledReason"]]).toEqual([200, true, ["PAUSED"], undefined]);
    expect((await call(`PUT /user/webhooks/${id}`, { body: { ...words, url: "http://10.0.0.1/" } })).status).toBe(422);
    expect((await call(`DELETE /user/webhooks/${id}`)).status).toBe(204);
    expect((await call(`DELETE /user/webhooks/${id}`)).status).toBe(404);
  });

  test("changeWebhookSecret gives another secret, and says until when the one before signs too", async () => {
    const { id, secret } = await made();
    const { status, body } = await call(`POST /user/webhooks/${id}/secret`);
    expect(status).toBe(200);
    expect(body["secret"]).not.toBe(secret);
    expect(body["previousUntil"]).toBe(new Date(world.clock.now.getTime() + 86_400_000).toISOString());
  });

  test("pingWebhook and replayWebhook queue messages that the deliveries list", async () => {
    const { id: order } = await world.order([{ name: "a", content: "a" }]);
    await world.order([{ name: "b", content: "b" }], { owner: BOB });
    await world.db`UPDATE outbox SET routed = true`;
    const { id } = await made({ body: { kinds: ["GRANTED"] } });
    const ping = await call(`POST /user/webhooks/${id}/ping`);
    expect(ping.status).toBe(202);
    expect(ping.body["id"]).toMatch(/^msg_\d+_\w+$/);
    expect(await call(`POST /user/webhooks/${id}/replay`)).toEqual({ status: 202, body: { queued: 1 } });
    const none = await call(`POST /user/webhooks/${id}/replay`, { body: { since: ping.body["id"] } });
    expect(none).toEqual({ status: 202, body: { queued: 0 } });
    expect((await call(`POST /user/webhooks/${id}/replay`, { body: { since: "yesterday" } })).status).toBe(422);
    const { status, body } = await call(`GET /user/webhooks/${id}/deliveries?size=1`);
    expect(status).toBe(200);
    expect(body["metadata"]).toEqual({ size: 1, totalElements: 2, totalPages: 2, number: 0 });
    expect(body["content"]).toMatchObject([
      { kind: "PING", id: ping.body["id"], state: "waiting", attempts: 0, target: `${id}` },
    ]);
    const all = (await call(`GET /user/webhooks/${id}/deliveries`)).body["content"];
    expect(all).toMatchObject([{ kind: "PING" }, { kind: "GRANTED", orderId: order }]);
  });
});

describe("mail templates", () => {
  const template = { subject: "Order {{order_id}}", text: "{{order_label}}", html: "<p>{{order_label}}</p>" };

  test("they are administrators' alone", async () => {
    for (const route of [
      "GET /mails",
      "GET /mails/templates",
      "GET /mails/templates/created",
      "DELETE /mails/templates/created",
    ]) {
      expect((await call(route)).status).toBe(403);
    }
  });

  test("updateMailTemplate stores, listMailTemplates shows, resetMailTemplate gives back the shipped words", async () => {
    await writeSetting(world.db, "mail_kinds", ["created"]);
    const shipped = (await call("GET /mails/templates/created", { as: ADMIN })).body;
    expect(shipped).toMatchObject({
      kind: "created",
      enabled: true,
      shipped: true,
      subject: "Order number {{order_id}} is confirmed",
    });
    const put = await call("PUT /mails/templates/created", { as: ADMIN, body: template });
    const stored = {
      kind: "created",
      enabled: true,
      shipped: false,
      updateDate: world.clock.now.toISOString(),
      ...template,
    };
    expect(put).toEqual({ status: 200, body: stored });
    const list = (await call("GET /mails/templates", { as: ADMIN })).body as unknown as Body[];
    expect(list.map(({ kind, shipped, enabled }) => [kind, shipped, enabled])).toEqual([
      ["created", false, true],
      ["reminder", true, false],
      ["finished", true, false],
      ["failed", true, false],
      ["expiring", true, false],
    ]);
    expect((await call("DELETE /mails/templates/created", { as: ADMIN })).body).toEqual(shipped);
  });

  test("updateMailTemplate refuses unknown placeholders with their name and place, and unknown mails", async () => {
    const wrong = { ...template, text: "Dear {{name}}", html: "{{#orders}}" };
    const { status, body } = await call("PUT /mails/templates/failed", { as: ADMIN, body: wrong });
    expect(status).toBe(422);
    expect(body.messages).toEqual([
      expect.stringContaining("text: line 1: unknown placeholder 'name', expected one of creation_date"),
      "html: line 1: 'orders' is not closed",
    ]);
    expect((await call("PUT /mails/templates/birthday", { as: ADMIN, body: template })).status).toBe(404);
  });

  test("previewMail shows an invented order or a real one, in these words or the tenant's", async () => {
    const { id } = await world.order([{ name: "a", content: "a" }]);
    const path = "POST /mails/templates/finished/preview";
    const invented = await call(path, { as: ADMIN });
    expect(invented).toMatchObject({ status: 200, body: { subject: "Order number 0 is finished" } });
    const real = await call(path, { as: ADMIN, body: { ...template, orderId: id } });
    expect(real).toMatchObject({ status: 200, body: { subject: `Order ${id}` } });
    expect((await call(path, { as: ADMIN, body: { orderId: 999_999 } })).status).toBe(404);
    expect((await call(path, { as: ADMIN, body: { text: "{{no}}" } })).status).toBe(422);
  });
});

test("P31: the links of a mail work for whoever has it, until the order's files are given back", async () => {
  const { id } = await world.order([{ name: "a.txt", content: "alpha" }], { status: "DONE" });
  const other = await world.order([{ name: "b.txt", content: "beta" }], { status: "DONE" });
  const links = { tenant: "default", publicUrl: PUBLIC_URL, base: PUBLIC_URL + PREFIX };
  const deps = { ...links, db: world.db, orderTokens: orderTokenKey("default", SECRET) };
  const values = await valuesOf(deps, [await world.row(id)]);
  const follow = (url: unknown) => world.app.handle(new Request(String(url)));
  const metalink = await follow(values["metalink_download_url"]);
  expect(metalink.status).toBe(200);
  const file = /<url[^>]*>([^<]+)<\/url>/.exec(await metalink.text())?.[1]?.replaceAll("&amp;", "&");
  const bytes = await follow(file);
  expect([bytes.status, await bytes.text()]).toEqual([200, "alpha"]);
  const zip = await follow(`${values["download_url"]}&all=true`);
  expect(zip.status).toBe(200);
  expect(Object.keys(readZip(new Uint8Array(await zip.arrayBuffer())))).toContain("a.txt");
  const token = new URL(String(values["download_url"])).searchParams.get("orderToken");
  const foreign = `${links.base}/orders/public/files/${other.files[0]}?orderToken=${token}&scope=default`;
  expect((await follow(foreign)).status).toBe(403);
  expect((await follow(`${links.base}/orders/public/download?scope=default`)).status).toBe(401);
  await world.setStatus(id, "EXPIRED");
  expect((await follow(values["download_url"])).status).toBe(410);
});
