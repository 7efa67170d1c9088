import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { OrderStatusWord } from "#crds/files.ts";
import { recordProgress } from "#store/orders.ts";
import { ADA, ADMIN, type ApiWorld, apiWorld, BOB, PREFIX, PUBLIC_URL } from "#test/support/api-world.ts";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { createResource } from "./resource.ts";

let world: ApiWorld;
beforeAll(async () => {
  world = await apiWorld("api_orders");
});
afterAll(() => world.close());

const BASE = PUBLIC_URL + PREFIX;

type Links = { links: { rel: string; href: string }[] };
type Page = Links & { metadata: Record<string, number>; content: ({ content: { id: number } } & Links)[] };

describe("O4 get", () => {
  test("shows the order with what P20 left out", async () => {
    const { id } = await world.order([
      { name: "a", content: "a" },
      { name: "b", error: "gone" },
    ]);
    const response = await world.call(`GET /user/orders/${id}`);
    expect(response.status).toBe(200);
    const row = await world.row(id);
    expect(await response.json()).toMatchObject({
      content: {
        id,
        owner: ADA,
        label: row.label,
        creationDate: "2026-11-20T10:20:30.000Z",
        percentCompleted: 0,
        filesInErrorCount: 1,
        availableFilesCount: 1,
        status: "RUNNING",
        waitingForUser: false,
        correlationId: row.correlationId,
        subOrders: row.subOrders,
        datasetTasks: [{ datasetLabel: "Dataset", objectsCount: 2, filesCount: 2, filesSize: 2000 }],
      },
    });
  });

  test("404 with an empty body for an order that is not there", async () => {
    for (const id of ["999999", "-12"]) {
      const response = await world.call(`GET /user/orders/${id}`);
      expect([response.status, await response.text()]).toEqual([404, ""]);
    }
  });

  test("403 with an empty body for another user's, P22: but not for an administrator", async () => {
    const { id } = await world.order([]);
    const response = await world.call(`GET /user/orders/${id}`, { as: BOB });
    expect([response.status, await response.text()]).toEqual([403, ""]);
    expect((await world.call(`GET /user/orders/${id}`, { as: ADMIN })).status).toBe(200);
  });

  const links: Record<OrderStatusWord, string[]> = {
    PENDING: ["pause", "cancel"],
    RUNNING: ["download", "pause", "cancel"],
    PAUSED: ["download", "resume", "cancel", "delete"],
    DONE: ["download", "restart", "delete"],
    DONE_WITH_WARNING: ["download", "restart", "retry", "delete"],
    FAILED: ["download", "restart", "retry", "delete"],
    EXPIRED: ["delete"],
    DELETED: [],
    ERROR: [],
  };
  for (const [status, want] of Object.entries(links) as [OrderStatusWord, string[]][]) {
    test(`OrderControllerLinksIT, links of ${status}: ${want.join(", ") || "none"}`, async () => {
      const { id } = await world.order(want.includes("download") ? [{ name: "a", content: "a" }] : [], { status });
      const body = (await (await world.call(`GET /user/orders/${id}`)).json()) as Links;
      expect(body.links.map((link) => link.rel)).toEqual(["self", "list", ...want]);
      expect(body.links[0]?.href).toBe(`${BASE}/user/orders/${id}`);
    });
  }
});

describe("O3 list", () => {
  const OWNER = "pages@example.org";
  let ids: number[];
  beforeAll(async () => {
    const { upsertUser } = await import("#store/users.ts");
    await upsertUser(world.db, { email: OWNER, role: "REGISTERED_USER", groups: [], active: true });
    ids = [];
    for (let i = 0; i < 5; i++) ids.push((await world.order([], { owner: OWNER })).id);
    await world.order([], { owner: OWNER, status: "DELETED" });
  });

  async function list(query: string): Promise<Page> {
    return (await (await world.call(`GET /user/orders${query}`, { as: OWNER })).json()) as Page;
  }

  test("shows the caller's own orders, newest first, without the deleted", async () => {
    const page = await list("");
    expect(page.metadata).toEqual({ size: 20, totalElements: 5, totalPages: 1, number: 0 });
    expect(page.content.map((order) => order.content.id)).toEqual(ids.toReversed());
    expect(page.links).toEqual([{ rel: "self", href: `${BASE}/user/orders?page=0&size=20` }]);
  });

  test("pages, with links to the pages around", async () => {
    const page = await list("?page=1&size=2");
    expect(page.metadata).toEqual({ size: 2, totalElements: 5, totalPages: 3, number: 1 });
    expect(page.content.map((order) => order.content.id)).toEqual([ids[2]!, ids[1]!]);
    expect(page.links.map((link) => link.rel)).toEqual(["first", "prev", "self", "next", "last"]);
  });

  test("falls back to the default where a parameter makes no sense", async () => {
    expect((await list("?page=-1&size=abc&sort=label,desc")).metadata).toMatchObject({ size: 20, number: 0 });
    expect((await list("?page=9&size=99999")).metadata).toMatchObject({ size: 2000, number: 9 });
  });
});

describe("actions", () => {
  type Case = { route: (id: number) => string; when: OrderStatusWord; spec: object; becomes: OrderStatusWord };
  const cases: Record<string, Case> = {
    "O5 pause": {
      route: (id) => `PUT /user/orders/pause/${id}`,
      when: "RUNNING",
      spec: { suspend: true },
      becomes: "PAUSED",
    },
    "O6 resume": {
      route: (id) => `PUT /user/orders/resume/${id}`,
      when: "PAUSED",
      spec: { suspend: false },
      becomes: "RUNNING",
    },
    "O7 retry": {
      route: (id) => `PUT /user/orders/${id}/retry`,
      when: "FAILED",
      spec: { retry: 1 },
      becomes: "RUNNING",
    },
    cancel: {
      route: (id) => `PUT /user/orders/${id}/cancel`,
      when: "RUNNING",
      spec: { shutdown: "Cancel" },
      becomes: "FAILED",
    },
    "O9 delete": {
      route: (id) => `DELETE /user/orders/${id}`,
      when: "DONE",
      spec: { shutdown: "Delete" },
      becomes: "DELETED",
    },
  };
  const CODES: Record<string, [OrderStatusWord, string]> = {
    "O5 pause": ["PAUSED", "ORDER_MUST_BE_PENDING_OR_RUNNING"],
    "O6 resume": ["RUNNING", "ORDER_MUST_BE_PAUSED"],
    "O7 retry": ["RUNNING", "ORDER_MUST_BE_DONE_WITH_WARNING_OR_FAILED"],
    cancel: ["DONE", "ORDER_MUST_BE_PENDING_OR_RUNNING_OR_PAUSED"],
    "O9 delete": ["PENDING", "ORDER_MUST_BE_DONE_OR_DONE_WITH_WARNING_OR_PAUSED_OR_FAILED_OR_EXPIRED"],
  };

  async function withResource(status: OrderStatusWord) {
    const { id } = await world.order([], { status });
    await createResource(world, await world.row(id), { signal: AbortSignal.timeout(LIMIT.normal) });
    return id;
  }

  /** What the operator does in a whole system: sees the wish, makes it true, writes the read model. */
  async function operate(id: number, { spec, becomes }: Case): Promise<void> {
    await eventually("the wish is in the resource", async () => {
      const resource = await world.orders.get(`order-${id}`);
      return resource && Bun.deepMatch(spec, resource.spec as object);
    });
    await world.setStatus(id, becomes);
    await world.db`UPDATE orders SET retries_served = 1 WHERE id = ${id}`;
    await world.setStatus(id, becomes);
  }

  for (const [name, c] of Object.entries(cases)) {
    test(`${name} patches the resource, and is in effect when it answers`, async () => {
      const id = await withResource(c.when);
      const [response] = await Promise.all([world.call(c.route(id)), operate(id, c)]);
      expect([response.status, await response.text()]).toEqual([200, ""]);
      expect((await world.row(id)).status).toBe(c.becomes);
    });

    test(`${name} is refused by state with 401 and the code (D24)`, async () => {
      const [when, code] = CODES[name] ?? ["DONE", ""];
      const id = await withResource(when);
      const response = await world.call(c.route(id));
      expect(response.status).toBe(401);
      expect(await response.json()).toEqual({ messages: [code] });
      const wish = { suspend: when === "PAUSED", retry: 0 };
      expect((await world.orders.get(`order-${id}`))?.spec).toMatchObject(wish);
    });

    test(`${name} of another user is refused with 401, of nobody with 404`, async () => {
      const id = await withResource(c.when);
      const response = await world.call(c.route(id), { as: BOB });
      expect(response.status).toBe(401);
      expect(await response.json()).toEqual({ messages: ["USER_NOT_ALLOWED_TO_MANAGE_ORDER"] });
      expect((await world.call(c.route(999_999))).status).toBe(404);
    });
  }

  test("P22: an administrator may pause another user's order", async () => {
    const id = await withResource("RUNNING");
    const c = cases["O5 pause"]!;
    const [response] = await Promise.all([world.call(c.route(id), { as: ADMIN }), operate(id, c)]);
    expect(response.status).toBe(200);
  });

  test("an order whose resource was not made yet gets it, with the wish in it", async () => {
    const { id } = await world.order([]);
    const c = cases["O5 pause"]!;
    const [response] = await Promise.all([world.call(c.route(id)), operate(id, c)]);
    expect(response.status).toBe(200);
    expect((await world.orders.get(`order-${id}`))?.spec.suspend).toBe(true);
  });

  test("an expired order whose resource is gone is deleted in its row", async () => {
    const { id } = await world.order([], { status: "EXPIRED" });
    await world.db`UPDATE orders SET resource_uid = 'gone' WHERE id = ${id}`;
    expect((await world.call(`DELETE /user/orders/${id}`)).status).toBe(200);
    expect((await world.row(id)).status).toBe("DELETED");
  });

  test("a resource made anew under the same name is not touched", async () => {
    const id = await withResource("RUNNING");
    await world.db`UPDATE orders SET resource_uid = 'another' WHERE id = ${id}`;
    const response = await world.call(`PUT /user/orders/pause/${id}`);
    expect([response.status, await response.json()]).toEqual([
      409,
      { messages: [`Cannot pause order ${id}: its resource is gone`] },
    ]);
    expect((await world.orders.get(`order-${id}`))?.spec.suspend).toBe(false);
  });

  test("answers 503 while Kubernetes is away", async () => {
    const id = await withResource("RUNNING");
    world.switches.kubernetesAway = true;
    try {
      const response = await world.call(`PUT /user/orders/pause/${id}`);
      expect([response.status, response.headers.get("retry-after")]).toEqual([503, "5"]);
    } finally {
      world.switches.kubernetesAway = false;
    }
  });

  test("waits a bounded time for the effect", async () => {
    const id = await withResource("RUNNING");
    const before = performance.now();
    expect((await world.call(`PUT /user/orders/pause/${id}`)).status).toBe(200);
    expect(performance.now() - before).toBeLessThan(5_000);
    expect((await world.row(id)).status).toBe("RUNNING");
  });
});

test("a row that changes on the way is told as it is", async () => {
  const { id } = await world.order([], { status: "DONE" });
  const row = await world.row(id);
  await recordProgress(world.db, id, {
    model: { ...row, message: "Cannot fetch 3 files" },
    messages: [],
    now: world.clock.now,
  });
  const body = (await (await world.call(`GET /user/orders/${id}`)).json()) as { content: { message: string } };
  expect(body.content.message).toBe("Cannot fetch 3 files");
});
