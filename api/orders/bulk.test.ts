/** One action on many orders: a result for each, and whoever may not, may not here either. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { OrderStatusWord } from "#crds/files.ts";
import { upsertUser } from "#store/users.ts";
import { ADA, ADMIN, type ApiWorld, apiWorld, BOB } from "#test/support/api-world.ts";
import { LIMIT } from "#test/support/eventually.ts";
import { createResource } from "./resource.ts";

let world: ApiWorld;
beforeAll(async () => {
  world = await apiWorld("api_bulk");
});
afterAll(() => world.close());

async function anOrder(status: OrderStatusWord, owner = ADA): Promise<number> {
  const { id } = await world.order([], { status, owner });
  await createResource(world, await world.row(id), { signal: AbortSignal.timeout(LIMIT.normal) });
  return id;
}

type Answer = {
  readonly messages?: readonly string[];
  readonly content: { readonly results: readonly object[]; readonly remaining: number };
};

async function act(body: unknown, as = ADA) {
  const response = await world.call("POST /user/orders/actions", { body, as });
  return { status: response.status, ...((await response.json()) as Answer) };
}

const specOf = async (id: number) => (await world.orders.get(`order-${id}`))?.spec;

describe("POST /user/orders/actions", () => {
  test("asks each, and says 200 when nobody refused", async () => {
    const ids = [await anOrder("RUNNING"), await anOrder("PENDING")];
    const { status, content } = await act({ action: "pause", orderIds: [...ids, ...ids] });
    expect(status).toBe(200);
    expect(content.results).toEqual(ids.map((orderId) => ({ orderId, status: 200, messages: [] })));
    for (const id of ids) expect(await specOf(id)).toMatchObject({ suspend: true });
  });

  test("207 with what each was answered: state, owner, unknown number", async () => {
    const good = await anOrder("RUNNING");
    const done = await anOrder("DONE");
    const bobs = await anOrder("RUNNING", BOB);
    const { status, content } = await act({ action: "cancel", orderIds: [bobs, good, 999_999, done] });
    expect(status).toBe(207);
    expect(content.results).toEqual([
      { orderId: bobs, status: 401, messages: ["USER_NOT_ALLOWED_TO_MANAGE_ORDER"] },
      { orderId: good, status: 200, messages: [] },
      { orderId: 999_999, status: 404, messages: ["Order 999999 does not exist"] },
      { orderId: done, status: 401, messages: ["ORDER_MUST_BE_PENDING_OR_RUNNING_OR_PAUSED"] },
    ]);
    expect(await specOf(good)).toMatchObject({ shutdown: "Cancel" });
    expect((await specOf(bobs))?.shutdown).toBeUndefined();
  });

  test("an administrator acts on anybody's", async () => {
    const id = await anOrder("RUNNING", BOB);
    expect((await act({ action: "pause", orderIds: [id] }, ADMIN)).status).toBe(200);
  });

  test("by filter: the caller's own in which the action is allowed, or those of some statuses", async () => {
    const owner = "carol@example.org";
    await upsertUser(world.db, { email: owner, role: "REGISTERED_USER", groups: [], active: true });
    const paused = [await anOrder("PAUSED", owner), await anOrder("PAUSED", owner)];
    await anOrder("RUNNING", owner);
    const all = await act({ action: "resume", filter: {} }, owner);
    expect(all.status).toBe(200);
    expect(all.content.results).toEqual(paused.toReversed().map((orderId) => ({ orderId, status: 200, messages: [] })));
    const running = await act({ action: "resume", filter: { statuses: ["RUNNING"] } }, owner);
    expect([running.status, running.content.results.length]).toEqual([207, 1]);
    expect((await act({ action: "retry", filter: {} }, owner)).content.results).toEqual([]);
  });

  test("while Kubernetes is away all are answered 503, without waiting for each", async () => {
    const ids = await Promise.all(Array.from({ length: 12 }, () => anOrder("RUNNING")));
    world.switches.kubernetesAway = true;
    const { status, content } = await act({ action: "pause", orderIds: ids });
    world.switches.kubernetesAway = false;
    expect(status).toBe(207);
    expect(content.results.map((result) => (result as { status: number }).status)).toEqual(ids.map(() => 503));
  });

  const WRONG: Record<string, [object, string]> = {
    "no orders": [{ action: "pause" }, "orderIds: expected either orderIds or filter"],
    both: [{ action: "pause", orderIds: [1], filter: {} }, "orderIds: expected either orderIds or filter"],
    "an unknown action": [
      { action: "restart", orderIds: [1] },
      "action: expected one of pause, resume, retry, cancel, delete",
    ],
    "too many": [
      { action: "pause", orderIds: Array.from({ length: 501 }, (_, i) => i + 1) },
      "orderIds: expected at most 500 elements",
    ],
    "an unknown filter": [
      { action: "pause", filter: { owner: BOB } },
      "filter.owner: unknown field; expected one of statuses",
    ],
  };
  for (const [what, [body, message]] of Object.entries(WRONG)) {
    test(`422 for ${what}`, async () => {
      const { status, messages } = await act(body);
      expect([status, messages]).toEqual([422, [message]]);
    });
  }
});
