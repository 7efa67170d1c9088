/** Another expiration over REST. Here is no operator: what it makes of the wish is in operator.test.ts. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { recordProgress } from "#store/orders.ts";
import { ADMIN, type ApiWorld, apiWorld, BOB } from "#test/support/api-world.ts";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { createResource } from "./resource.ts";

let world: ApiWorld;
beforeAll(async () => {
  world = await apiWorld("api_extend");
});
afterAll(() => world.close());

const HOUR = 3_600_000;
const inHours = (hours: number) => new Date(world.clock.now.getTime() + hours * HOUR).toISOString();

/** An order with its resource, and an operator's hand that does what is wished as soon as it is. */
async function anOrder(o: { obeys?: boolean } = {}): Promise<number> {
  const { id } = await world.order([{ name: "a", content: "a" }], { status: "DONE" });
  await createResource(world, await world.row(id), { signal: AbortSignal.timeout(LIMIT.normal) });
  if (o.obeys) void obey(id);
  return id;
}

async function obey(id: number): Promise<void> {
  const wish = await eventually(
    `a wish about order ${id}`,
    async () => (await world.orders.get(`order-${id}`))?.spec.expirationTime,
  );
  const { now } = world.clock;
  const judged = { expirationTime: new Date(wish), expirationAsked: new Date(wish), expirationAskedAt: now };
  await recordProgress(world.db, id, { model: { ...(await world.row(id)), ...judged }, messages: [], now });
}

const extend = (id: number, body: unknown, as?: string) =>
  world.call(`PATCH /user/orders/${id}`, { body, ...(as && { as }) });

async function told(response: Response): Promise<[number, unknown]> {
  return [response.status, ((await response.json()) as { messages: string[] }).messages];
}

describe("PATCH expirationDate", () => {
  test("is written into the spec, and the answer shows what holds", async () => {
    const id = await anOrder({ obeys: true });
    const response = await extend(id, { expirationDate: inHours(100) });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ content: { id, expirationDate: inHours(100) } });
    expect((await world.orders.get(`order-${id}`))?.spec.expirationTime).toBe(inHours(100));
  });

  test("202 with the order as it was while nobody has judged it", async () => {
    const id = await anOrder();
    const response = await extend(id, { expirationDate: inHours(1) });
    expect(response.status).toBe(202);
    expect(((await response.json()) as { content: object }).content).not.toHaveProperty("expirationDate");
  });

  test("a clock that is a little ahead is forgiven: the tenant's maximum holds", async () => {
    const id = await anOrder({ obeys: true });
    const body = { expirationDate: new Date(Date.parse(inHours(168)) + 30_000).toISOString() };
    expect(await (await extend(id, body)).json()).toMatchObject({ content: { expirationDate: inHours(168) } });
  });

  const REFUSED: Record<string, [() => unknown, () => string]> = {
    "a date that is none": [
      () => ({ expirationDate: "soon" }),
      () => "expirationDate: expected a time such as 2026-11-27T10:00:00Z",
    ],
    "a day that no month has": [
      () => ({ expirationDate: "2026-13-40T10:00:00Z" }),
      () => "expirationDate: expected a time such as 2026-11-27T10:00:00Z",
    ],
    "a date that is over": [
      () => ({ expirationDate: inHours(-1) }),
      () => `expirationDate: expected a time to come, got ${inHours(-1)}`,
    ],
    "a date beyond the maximum": [
      () => ({ expirationDate: inHours(200) }),
      () => `expirationDate: expected at most ${inHours(168)}, 168 hours from now, got ${inHours(200)}`,
    ],
    "no date": [() => ({}), () => "expirationDate: expected a time such as 2026-11-27T10:00:00Z"],
    "a field that cannot be changed": [
      () => ({ expirationDate: inHours(1), label: "x" }),
      () => "label: unknown field; expected one of expirationDate",
    ],
  };
  for (const [what, [body, message]] of Object.entries(REFUSED)) {
    test(`422 for ${what}`, async () => {
      expect(await told(await extend(await anOrder(), body()))).toEqual([422, [message()]]);
    });
  }

  test("404, 401 for others, but not for an administrator", async () => {
    const body = { expirationDate: inHours(1) };
    expect((await extend(999_999, body)).status).toBe(404);
    const id = await anOrder({ obeys: true });
    expect(await told(await extend(id, body, BOB))).toEqual([401, ["USER_NOT_ALLOWED_TO_MANAGE_ORDER"]]);
    expect((await extend(id, body, ADMIN)).status).toBe(200);
  });

  test("409 once its resource is gone, 503 while Kubernetes is away", async () => {
    const id = await anOrder();
    world.switches.kubernetesAway = true;
    expect((await extend(id, { expirationDate: inHours(1) })).status).toBe(503);
    world.switches.kubernetesAway = false;
    await world.orders.delete(`order-${id}`);
    expect(await told(await extend(id, { expirationDate: inHours(1) }))).toEqual([
      409,
      [`Cannot extend order ${id}: its resource is gone`],
    ]);
  });
});

describe("an order whose files are given back", () => {
  const ASKED = (id: number, file: number): Record<string, string> => ({
    "the zip": `GET /user/orders/${id}/download`,
    "the zip's length": `HEAD /user/orders/${id}/download`,
    "the flat list": `GET /user/orders/${id}/files/available`,
    "the wrapped list": `GET /orders/${id}/files/available`,
    "the files of a dataset": `GET /orders/${id}/dataset/1/files`,
    "the files of a sub-order": `GET /orders/${id}/filesTask/1/files/available`,
    "a file": `GET /orders/files/${file}`,
    "another expiration": `PATCH /user/orders/${id}`,
  });
  for (const what of Object.keys(ASKED(0, 0))) {
    test(`410 with the date for ${what}`, async () => {
      const { id, files } = await world.order([{ name: "a", content: "a" }], { status: "DONE" });
      const row = await world.row(id);
      const model = { ...row, status: "EXPIRED" as const, expirationTime: new Date("2026-11-19T08:00:00Z") };
      await recordProgress(world.db, id, { model, messages: [], now: world.clock.now });
      const route = ASKED(id, files[0] ?? 0)[what] ?? "";
      const response = await world.call(route, route.startsWith("PATCH") ? { body: {} } : {});
      expect(response.status).toBe(410);
      if (route.startsWith("HEAD")) return;
      const message = `The files of order ${id} were given back: it expired at 2026-11-19T08:00:00.000Z`;
      expect(await response.json()).toEqual({ messages: [message] });
    });
  }

  test("a deleted order says when", async () => {
    const { id } = await world.order([], { status: "DELETED" });
    const [status, messages] = await told(await world.call(`GET /user/orders/${id}/files/available`));
    expect([status, messages]).toEqual([
      410,
      [`The files of order ${id} were given back: it was deleted at 2026-11-20T10:20:30.000Z`],
    ]);
  });
});
