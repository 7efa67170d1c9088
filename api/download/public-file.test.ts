import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { SignJWT } from "jose";
import { ADA, ADMIN, type ApiWorld, apiWorld, BOB, SECRET } from "#test/support/api-world.ts";
import { eventually } from "#test/support/eventually.ts";
import { issueOrderToken, orderTokenKey } from "../auth/order-tokens.ts";

let world: ApiWorld;
beforeAll(async () => {
  world = await apiWorld("api_public_file");
});
afterAll(() => world.close());

async function tokenOf(orderId: number): Promise<string> {
  return issueOrderToken(orderTokenKey("default", SECRET), await world.row(orderId), { maxHours: 168 });
}

function ask(id: number, token: string | undefined, o: { method?: string; headers?: Record<string, string> } = {}) {
  const query = token === undefined ? "scope=default" : `orderToken=${token}&scope=default`;
  return world.call(`${o.method ?? "GET"} /orders/public/files/${id}?${query}`, {
    as: null,
    ...(o.headers && { headers: o.headers }),
  });
}

const bearer = async (email: string) => ({ authorization: `Bearer ${await world.token(email)}` });

describe("F5 public file", () => {
  test("gives the bytes to whoever has the order's token, and counts as a download", async () => {
    const order = await world.order([{ name: "a.txt", content: "content" }]);
    const response = await ask(order.files[0] ?? 0, await tokenOf(order.id));
    expect(response.status).toBe(200);
    expect(response.headers.get("content-disposition")).toBe('attachment; filename="a.txt"');
    expect(response.headers.get("content-length")).toBe("7");
    expect(await response.text()).toBe("content");
    await eventually("the file is downloaded", async () => (await world.states(order.id))[0] === "DOWNLOADED");
  });

  test("a part of it", async () => {
    const order = await world.order([{ name: "a.txt", content: "content" }]);
    const token = await tokenOf(order.id);
    const response = await ask(order.files[0] ?? 0, token, { headers: { range: "bytes=3-" } });
    expect([response.status, await response.text()]).toEqual([206, "tent"]);
  });

  test("202 for a pending file, 422 for a failed one and for a reference that may not be fetched", async () => {
    const order = await world.order([
      { name: "late" },
      { name: "failed", error: "Source says no" },
      { name: "far", reference: "http://127.0.0.1:1/far", subOrder: 2 },
    ]);
    const token = await tokenOf(order.id);
    const answers = await Promise.all(order.files.map((id) => ask(id, token)));
    expect(answers.map((answer) => answer.status)).toEqual([202, 422, 422]);
    expect(await answers[1]?.json()).toEqual({ messages: ["Source says no"] });
  });

  test("P7: a token of another order of the same owner is refused with 403", async () => {
    const [mine, other] = [
      await world.order([{ name: "a", content: "a" }]),
      await world.order([{ name: "b", content: "b" }]),
    ];
    const response = await ask(mine.files[0] ?? 0, await tokenOf(other.id));
    expect([response.status, await response.text()]).toEqual([403, ""]);
  });

  test("P7: a token with the right order and another subject is refused with 403", async () => {
    const order = await world.order([{ name: "a", content: "a" }]);
    const row = { ...(await world.row(order.id)), owner: BOB };
    const token = await issueOrderToken(orderTokenKey("default", SECRET), row, { maxHours: 1 });
    expect((await ask(order.files[0] ?? 0, token)).status).toBe(403);
  });

  test("401 without a token, with a broken, expired or foreign one, and with a user's token in its place", async () => {
    const order = await world.order([{ name: "a", content: "a" }]);
    const id = order.files[0] ?? 0;
    const row = { ...(await world.row(order.id)), expirationTime: new Date(world.clock.now.getTime() - 1000) };
    const key = orderTokenKey("default", SECRET);
    const unsigned = await new SignJWT({ tenant: "default", ORDER_ID: `${order.id}` })
      .setProtectedHeader({ alg: "HS256" })
      .setSubject(ADA)
      .setExpirationTime(new Date(world.clock.now.getTime() + 1000_000))
      .sign(new TextEncoder().encode(SECRET));
    const tokens = {
      missing: undefined,
      broken: "a.b.c",
      expired: await issueOrderToken(key, row, { maxHours: 1 }),
      "of another tenant": await issueOrderToken(orderTokenKey("other", SECRET), row, { maxHours: 1 }),
      "signed with the users' key": unsigned,
      "a user's": await world.token(ADA),
    };
    for (const [name, token] of Object.entries(tokens)) {
      expect({ name, status: (await ask(id, token)).status }).toEqual({ name, status: 401 });
    }
  });

  test("an order's token is nobody's login", async () => {
    const order = await world.order([{ name: "a", content: "a" }]);
    const headers = { authorization: `Bearer ${await tokenOf(order.id)}` };
    expect((await world.call(`GET /user/orders/${order.id}`, { as: null, headers })).status).toBe(401);
  });

  test("404 for a file that is not there", async () => {
    const order = await world.order([{ name: "a", content: "a" }]);
    const response = await ask(999_999, await tokenOf(order.id));
    expect([response.status, await response.json()]).toEqual([
      404,
      { messages: ["Data file with id: 999999 doesn't exist."] },
    ]);
  });

  test("410 once the order's files are given back, and when only the bytes are gone", async () => {
    const order = await world.order([{ name: "a", content: "a" }]);
    const token = await tokenOf(order.id);
    await world.setStatus(order.id, "DELETED");
    expect((await ask(order.files[0] ?? 0, token)).status).toBe(410);
    await world.db`DELETE FROM order_files WHERE order_id = ${order.id}`;
    const response = await ask(order.files[0] ?? 0, token);
    expect([response.status, await response.json()]).toEqual([
      410,
      { messages: [`The files of order ${order.id} were given back: it was deleted at 2026-11-20T10:20:30.000Z`] },
    ]);
    const lost = await world.order([{ name: "b", content: "lost bytes" }]);
    const [row] = await world.db<{ sha256: string }[]>`
      SELECT encode(sha256, 'hex') AS sha256 FROM order_files WHERE order_id = ${lost.id}`;
    await world.blobs.remove(row?.sha256 ?? "");
    expect((await ask(lost.files[0] ?? 0, await tokenOf(lost.id))).status).toBe(410);
  });

  test("the owner's or an administrator's bearer does too, another user's does not", async () => {
    const order = await world.order([{ name: "a", content: "a" }]);
    const path = `GET /orders/public/files/${order.files[0]}`;
    expect((await world.call(path, { as: ADA })).status).toBe(200);
    expect((await world.call(path, { as: ADMIN })).status).toBe(200);
    expect((await world.call(path, { as: BOB })).status).toBe(403);
    const other = await world.order([{ name: "b", content: "b" }]);
    const both = await ask(order.files[0] ?? 0, await tokenOf(other.id), { headers: await bearer(ADA) });
    expect(both.status).toBe(200);
  });
});

describe("F6 head of a public file", () => {
  test("tells length and tag, marks nothing", async () => {
    const order = await world.order([{ name: "a.txt", content: "content" }]);
    const response = await ask(order.files[0] ?? 0, await tokenOf(order.id), { method: "HEAD" });
    expect([response.status, response.headers.get("content-length"), await response.text()]).toEqual([200, "7", ""]);
    expect(await world.states(order.id)).toEqual(["AVAILABLE"]);
  });

  test("202, 401, 403, 404 as for the file itself", async () => {
    const order = await world.order([{ name: "late" }]);
    const other = await world.order([]);
    const id = order.files[0] ?? 0;
    const token = await tokenOf(order.id);
    const statuses = await Promise.all(
      [
        ask(id, token, { method: "HEAD" }),
        ask(id, undefined, { method: "HEAD" }),
        ask(id, await tokenOf(other.id), { method: "HEAD" }),
        ask(999_999, token, { method: "HEAD" }),
      ].map(async (answer) => (await answer).status),
    );
    expect(statuses).toEqual([202, 401, 403, 404]);
  });
});
