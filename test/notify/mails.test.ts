/** Mails through a real mail server that refuses, is slow and goes away; and mailers that are killed. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { readMailConfig } from "#api/notify/mail/config.ts";
import { storeTemplate } from "#store/mail-templates.ts";
import { remindOwners } from "#store/reminders.ts";
import { writeSetting } from "#store/settings.ts";
import { eventually, LIMIT } from "../support/eventually.ts";
import { ADA, type NotifyWorld, notifyWorld, PUBLIC_URL } from "../support/notify-world.ts";
import { smtpServer, type TestSmtp } from "../support/smtp.ts";

const FROM = "Archive <orders@archive.example.org>";
let world: NotifyWorld;
let smtp: TestSmtp;
const stops: (() => Promise<void>)[] = [];

beforeAll(async () => {
  world = await notifyWorld("mails");
  smtp = await smtpServer();
}, LIMIT.slow);
afterAll(async () => {
  await world.close();
  await smtp.stop();
}, LIMIT.slow);
beforeEach(async () => {
  await world.db`TRUNCATE outbox, orders, notifications, mail_templates CASCADE`;
  await world.db`DELETE FROM settings WHERE name LIKE 'mail%'`;
  world.clock.now = new Date();
  smtp.mails.length = 0;
});
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

function start(env: Readonly<Record<string, string>> = { ORDER_SMTP_URL: smtp.url }): void {
  const mail = readMailConfig({ ORDER_MAIL_FROM: FROM, ...env });
  stops.push(world.start(mail ? { mail } : {}));
}
const subjects = () => smtp.mails.map(({ headers }) => headers["subject"]);

describe("what is told", () => {
  test("send_mail_if_order_is_successfully_created: with the links, in text and HTML", async () => {
    const row = await world.order({ label: "Îles & <b>côtes</b>", onSuccessUrl: "/user/orders?open=1" });
    start();
    await world.settled();
    const [mail] = smtp.mails;
    expect(mail).toMatchObject({ from: "orders@archive.example.org", to: [ADA] });
    expect(mail?.headers["subject"]).toBe(`Order number ${row.id} is confirmed`);
    expect(mail?.headers["from"]).toBe(FROM);
    expect(mail?.headers["auto-submitted"]).toBe("auto-generated");
    expect(mail?.text).toContain("Your order Îles & <b>côtes</b> of 3 files is confirmed");
    expect(mail?.html).toContain("<b>Îles &amp; &lt;b&gt;côtes&lt;/b&gt;</b>");
    expect(mail?.text).toContain(`Your order: ${PUBLIC_URL}/user/orders?open=1`);
    expect(mail?.text).toMatch(
      /https:\/\/archive\.example\.org\/api\/v1\/rs-order\/user\/orders\/metalink\/download\?orderToken=\S+&scope=default/,
    );
    expect(mail?.text).toContain(row.expirationTime?.toISOString().slice(0, 10) ?? "no date");
    expect(await world.states()).toMatchObject([{ state: "delivered", attempts: 1 }]);
  });

  test("dont_send_mail_if_order_failed: no confirmation of what has failed by then", async () => {
    const row = await world.order();
    await world.db`UPDATE orders SET status = 'FAILED', files_available = 0 WHERE id = ${row.id}`;
    await world.tell(row, "FAILED");
    start();
    await world.settled();
    expect(subjects()).toEqual([`Order number ${row.id} finished with errors`]);
    expect((await world.states()).map(({ state, lastError }) => [state, lastError])).toEqual([
      ["skipped", "The order is FAILED"],
      ["delivered", null],
    ]);
  });

  test("P24: the confirmation of any order, its end and what expires soon, in their order", async () => {
    start();
    const row = await world.order();
    await world.tell(row, "DONE");
    await world.tell(row, "EXPIRES_SOON", { payload: { expirationDate: row.expirationTime?.toISOString() } });
    await world.tell(row, "EXPIRES_SOON", { key: "older", payload: { expirationDate: "2026-01-01T00:00:00.000Z" } });
    await world.settled();
    expect(subjects()).toEqual([
      `Order number ${row.id} is confirmed`,
      `Order number ${row.id} is finished`,
      `Order number ${row.id} expires soon`,
    ]);
    expect((await world.states()).at(-1)).toMatchObject({ state: "skipped", lastError: "The order expires later" });
  });

  test("testEmailNotifications: one reminder for all orders of an owner that wait, once", async () => {
    await writeSetting(world.db, "mail_kinds", ["reminder"]);
    const rows = [await world.order(), await world.order(), await world.order({ owner: "bob@example.org" })];
    for (const { id } of rows) {
      await world.db`
        INSERT INTO sub_orders (order_id, number, owner, dataset_urn, dataset_label, reference, state, planned_bytes, files_total, files_pending,
          files_available, bytes_total, bytes_available, last_arrival_at)
        VALUES (${id}, 1, 'o', 'd', 'd', false, 'Succeeded', 1, 2, 0, 2, 1, 1, ${world.clock.now})`;
    }
    world.clock.now = new Date(world.clock.now.getTime() + 96 * 3_600_000);
    expect(await remindOwners(world.db, { delayHours: 72, now: world.clock.now })).toBe(2);
    expect(await remindOwners(world.db, { delayHours: 72, now: world.clock.now })).toBe(0);
    start();
    await world.settled();
    expect(subjects()).toEqual(Array(2).fill("Reminder: some orders are waiting for you"));
    const mine = smtp.mails.find(({ to }) => to[0] === ADA);
    for (const row of rows.slice(0, 2)) expect(mine?.text).toContain(`* ${row.label} (order ${row.id}): 2 files`);
    expect(mine?.text).not.toContain(`order ${rows[2]?.id})`);
  });

  test("the tenant's own words, and nothing of the kinds that are switched off", async () => {
    await writeSetting(world.db, "mail_kinds", ["finished"]);
    await storeTemplate(world.db, "finished", {
      subject: "Prêt : {{order_label}}",
      text: "{{project}}/{{order_id}}",
      html: "<i>{{order_label}}</i>",
      now: world.clock.now,
    });
    const row = await world.order({ label: "a\r\nBcc: eve@example.org" });
    await world.tell(row, "DONE");
    start();
    await world.settled();
    expect(smtp.mails).toHaveLength(1);
    expect(smtp.mails[0]).toMatchObject({ to: [ADA], text: expect.stringContaining(`default/${row.id}`) });
    expect(smtp.mails[0]?.headers["subject"]).toBe("Prêt : a Bcc: eve@example.org");
    expect(smtp.mails[0]?.headers["bcc"]).toBeUndefined();
  });

  test("no mail to what is no single address", async () => {
    await world.order({ owner: "system:batch" });
    await world.order({ owner: "a@example.org, b@example.org" });
    start();
    await world.settled();
    expect(smtp.mails).toEqual([]);
    expect((await world.states()).map(({ state }) => state)).toEqual(["skipped", "skipped"]);
  });
});

describe("what goes wrong", () => {
  test("a receiver that is refused for good is given up at once, one that is refused for now is tried again", async () => {
    start();
    for (const owner of ["unknown@example.org", "spam@example.org", "later@example.org", ADA])
      await world.order({ owner });
    await eventually(
      "all were tried",
      async () => (await world.states()).filter(({ attempts }) => attempts > 0).length === 4,
    );
    const told = async () => (await world.states()).map(({ state, answer }) => [state, answer]);
    await eventually(
      "three have ended",
      async () => (await told()).filter(([state]) => state !== "waiting").length === 3,
    );
    await eventually("the refusal is noted", async () => (await told())[2]?.[1] === 451);
    expect(await told()).toEqual([
      ["failed", 550],
      ["failed", 554],
      ["waiting", 451],
      ["delivered", null],
    ]);
    world.clock.now = new Date(world.clock.now.getTime() + 73 * 3_600_000);
    await world.later();
    await world.settled();
    expect((await world.states())[2]).toMatchObject({ state: "failed", answer: 451, attempts: 2 });
  });

  test(
    "while there is no server mails wait, and are sent when it is back",
    async () => {
      const away = await smtpServer();
      await away.stop();
      start({ ORDER_SMTP_URL: away.url });
      await world.order();
      await eventually("it was tried", async () => (await world.states())[0]?.lastError);
      expect((await world.states())[0]).toMatchObject({
        state: "waiting",
        lastError: expect.stringContaining("cannot be used"),
      });
      const back = await smtpServer({ port: away.port });
      try {
        await world.later();
        await world.settled();
        expect(back.mails).toHaveLength(1);
      } finally {
        await back.stop();
      }
    },
    LIMIT.slow,
  );

  test("a mail that hangs holds up no other", async () => {
    start();
    await world.order({ owner: "held@example.org" });
    await eventually("it hangs", () => smtp.mails.length === 1);
    for (let n = 0; n < 5; n++) await world.order();
    await eventually("the others are told", () => smtp.mails.length === 6);
    smtp.answer();
    await world.settled();
    expect((await world.states()).every(({ state }) => state === "delivered")).toBe(true);
  });

  test(
    "STARTTLS and a login where the address has one; nothing is sent without",
    async () => {
      const secure = await smtpServer({ tls: true });
      try {
        start({ ORDER_SMTP_URL: secure.url, ORDER_SMTP_CA: secure.ca });
        await world.order();
        await world.settled();
        expect(secure.mails).toMatchObject([{ secure: true, user: "orders", to: [ADA] }]);
        for (const stop of stops.splice(0)) await stop();
        const wrong: Record<string, Record<string, string>> = {
          "no trust": { ORDER_SMTP_URL: secure.url },
          "a wrong password": {
            ORDER_SMTP_URL: secure.url.replace("p%40ss%20word", "guess"),
            ORDER_SMTP_CA: secure.ca,
          },
          "no TLS": { ORDER_SMTP_URL: smtp.url.replace("smtp://", "smtp://orders:p@") },
        };
        await world.order();
        for (const [name, env] of Object.entries(wrong)) {
          start(env);
          const before = (await world.states())[1]?.attempts ?? 0;
          await world.later();
          await eventually(`it was tried with ${name}`, async () => {
            const state = (await world.states())[1];
            return state?.state === "waiting" && state.attempts > before && state.lastError?.includes("mail server");
          });
          for (const stop of stops.splice(0)) await stop();
        }
        expect([secure.mails.length, smtp.mails.length]).toEqual([1, 0]);
      } finally {
        await secure.stop();
      }
    },
    LIMIT.slow,
  );

  test(
    "a mailer that is killed between the server's answer and the mark has the mail sent again with the same Message-ID",
    async () => {
      const env = { ORDER_SMTP_URL: smtp.url, ORDER_MAIL_FROM: FROM };
      const first = await world.spawn(env);
      await world.order({ owner: "held@example.org" });
      await eventually("the server has it", () => smtp.mails.length === 1);
      await world.killBeforeMark(first, smtp.answer);
      expect((await world.states()).map(({ state }) => state)).toEqual(["waiting"]);
      await world.spawn(env);
      await world.later();
      await eventually("the server has it again", () => smtp.mails.length === 2);
      smtp.answer();
      await world.settled();
      const [one, other] = smtp.mails.map(({ headers }) => headers["message-id"]);
      expect(one).toMatch(/^<order\.[0-9a-f]{32}@archive\.example\.org>$/);
      expect(other).toBe(one ?? "");
    },
    LIMIT.slow,
  );
});

test("readMailConfig() tells what is wrong with the environment", () => {
  expect(readMailConfig({})).toBeUndefined();
  expect(() => readMailConfig({ ORDER_SMTP_URL: "http://x" })).toThrow("expected smtp://");
  expect(() => readMailConfig({ ORDER_SMTP_URL: "smtp://x" })).toThrow("ORDER_MAIL_FROM is not set");
  expect(() => readMailConfig({ ORDER_SMTP_URL: "smtp://x?tls=maybe", ORDER_MAIL_FROM: "a@b" })).toThrow(
    "tls=required",
  );
  expect(readMailConfig({ ORDER_SMTP_URL: "smtp://u:p@x", ORDER_MAIL_FROM: "a@b" })).toMatchObject({
    port: 587,
    secure: false,
    requireTls: true,
  });
  expect(readMailConfig({ ORDER_SMTP_URL: "smtps://x", ORDER_MAIL_FROM: "a@b" })).toMatchObject({
    port: 465,
    secure: true,
  });
});
