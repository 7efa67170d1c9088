import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { OrderStatusWord, Role } from "#crds/files.ts";
import { upsertUser } from "#store/users.ts";
import { ADA, ADMIN, type ApiWorld, apiWorld, BOB, PREFIX, PUBLIC_URL } from "#test/support/api-world.ts";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { createResource } from "./resource.ts";

let world: ApiWorld;
beforeAll(async () => {
  world = await apiWorld("api_order_admin");
});
afterAll(() => world.close());

const BASE = PUBLIC_URL + PREFIX;

type Page = {
  metadata: { totalElements: number };
  content: { content: { id: number; owner: string; status: string }; links: { rel: string; href: string }[] }[];
  links: { rel: string; href: string }[];
};

async function as(role: Role): Promise<{ as: null; headers: Record<string, string> }> {
  const email = `${role.toLowerCase()}@example.org`;
  await upsertUser(world.db, { email, role, groups: [], active: true });
  return { as: null, headers: { authorization: `Bearer ${await world.token(email, role)}` } };
}

async function messages(response: Response): Promise<string[]> {
  return ((await response.json()) as { messages: string[] }).messages;
}

async function owned(owner: string, statuses: readonly OrderStatusWord[] = ["RUNNING"]): Promise<number[]> {
  await upsertUser(world.db, { email: owner, role: "REGISTERED_USER", groups: [], active: true });
  const ids = [];
  for (const status of statuses) ids.push((await world.order([], { owner, status })).id);
  return ids;
}

describe("O10 remove", () => {
  test("testRemove, basketDeletedAfterOrderRemoved: a deleted order is gone for good, with its selections and its files", async () => {
    const { id } = await world.order([{ name: "a", content: "a" }], { status: "DELETED" });
    const response = await world.call(`DELETE /user/orders/remove/${id}`, { as: ADMIN });
    expect([response.status, await response.text()]).toEqual([200, ""]);
    expect((await world.call(`GET /user/orders/${id}`, { as: ADMIN })).status).toBe(404);
    expect(await world.states(id)).toEqual([]);
    expect((await world.call(`DELETE /user/orders/remove/${id}`, { as: ADMIN })).status).toBe(404);
  });

  test("testRemoveFailed: 401 with the code in every other state, and nothing is touched", async () => {
    for (const status of ["PENDING", "RUNNING", "PAUSED", "DONE", "DONE_WITH_WARNING", "FAILED", "EXPIRED"] as const) {
      const { id } = await world.order([{ name: "a", content: "a" }], { status });
      const response = await world.call(`DELETE /user/orders/remove/${id}`, { as: ADMIN });
      expect([response.status, await messages(response)]).toEqual([401, ["ORDER_MUST_BE_DELETED"]]);
      expect(await world.states(id)).toEqual(["AVAILABLE"]);
    }
  });

  test("P25: an administrator of the tenant may, the owner may not", async () => {
    const { id } = await world.order([], { status: "DELETED" });
    expect((await world.call(`DELETE /user/orders/remove/${id}`)).status).toBe(403);
    expect((await world.call(`DELETE /user/orders/remove/${id}`, await as("INSTANCE_ADMIN"))).status).toBe(200);
  });

  test("waits for the order's resource, else the operator would do the order again", async () => {
    const { id } = await world.order([], { status: "DELETED" });
    await createResource(world, await world.row(id), { signal: AbortSignal.timeout(LIMIT.normal) });
    const early = await world.call(`DELETE /user/orders/remove/${id}`, { as: ADMIN });
    expect([early.status, early.headers.get("retry-after")]).toEqual([503, "5"]);
    expect((await world.row(id)).status).toBe("DELETED");
    const removed = world.call(`DELETE /user/orders/remove/${id}`, { as: ADMIN });
    await world.orders.delete(`order-${id}`);
    expect((await removed).status).toBe(200);
  });

  test("503 while Kubernetes is away", async () => {
    const { id } = await world.order([], { status: "DELETED" });
    world.switches.kubernetesAway = true;
    try {
      expect((await world.call(`DELETE /user/orders/remove/${id}`, { as: ADMIN })).status).toBe(503);
    } finally {
      world.switches.kubernetesAway = false;
    }
  });

  test("OrderControllerLinksIT: of a deleted order administrators see `remove`, its owner only self and list", async () => {
    const { id } = await world.order([], { status: "DELETED" });
    const links = async (who: string) =>
      ((await (await world.call(`GET /user/orders/${id}`, { as: who })).json()) as Page).links;
    expect((await links(ADA)).map((link) => link.rel)).toEqual(["self", "list"]);
    expect((await links(ADMIN)).at(-1)).toEqual({ rel: "remove", href: `${BASE}/user/orders/remove/${id}` });
  });
});

describe("O15 search", () => {
  async function search(body: unknown, query = ""): Promise<Page> {
    const response = await world.call(`POST /orders/search${query}`, { body, ...(await as("EXPLOIT")) });
    expect(response.status).toBe(200);
    return (await response.json()) as Page;
  }
  const idsOf = (page: Page) => page.content.map(({ content }) => content.id);

  test("testFindAll: everybody's orders, deleted ones too, newest first", async () => {
    const mine = await owned("one@all.example.org", ["DONE", "DELETED"]);
    const others = await owned("two@all.example.org");
    const page = await search({}, "?size=3");
    expect(idsOf(page)).toEqual([...mine, ...others].toReversed());
    expect(page.metadata.totalElements).toBeGreaterThanOrEqual(3);
  });

  test("no body is as good as an empty one", async () => {
    const response = await world.call("POST /orders/search", await as("EXPLOIT"));
    expect(response.status).toBe(200);
  });

  test("testFindAllSpecificUser: a part of the owner's name, in its case", async () => {
    const [id = 0] = await owned("Specific@users.example.org");
    expect(idsOf(await search({ owner: "pecific@users" }))).toEqual([id]);
    expect(idsOf(await search({ owner: "specific@users" }))).toEqual([]);
  });

  test("testSearchOrders: statuses are included or excluded", async () => {
    const owner = "statuses@example.org";
    const [running = 0, done = 0, deleted = 0] = await owned(owner, ["RUNNING", "DONE", "DELETED"]);
    const by = async (mode: string, values: string[]) => idsOf(await search({ owner, statuses: { mode, values } }));
    expect(await by("INCLUDE", ["DONE", "RUNNING"])).toEqual([done, running]);
    expect(await by("EXCLUDE", ["DONE", "RUNNING"])).toEqual([deleted]);
    expect(await by("EXCLUDE", [])).toEqual([deleted, done, running]);
  });

  test("creation dates are inclusive and take any offset, none being UTC", async () => {
    const owner = "dates@example.org";
    const [id = 0] = await owned(owner);
    const found = async (creationDate: Record<string, unknown>) => idsOf(await search({ owner, creationDate })).length;
    expect((await world.row(id)).createdAt.toISOString()).toBe("2026-11-20T10:20:30.000Z");
    expect(await found({ after: "2026-11-20T10:20:30Z", before: "2026-11-20T10:20:30" })).toBe(1);
    expect(await found({ after: "2026-11-20T11:20:30+01:00" })).toBe(1);
    expect(await found({ after: "2026-11-20T10:20:30.001Z" })).toBe(0);
    expect(await found({ before: "2026-11-20T10:20:29", after: null })).toBe(0);
  });

  test("waitingForUser is exact", async () => {
    const owner = "waits@example.org";
    const [waits = 0, other = 0] = await owned(owner, ["RUNNING", "RUNNING"]);
    await world.db`UPDATE orders SET waiting_for_user = true WHERE id = ${waits}`;
    expect(idsOf(await search({ owner, waitingForUser: true }))).toEqual([waits]);
    expect(idsOf(await search({ owner, waitingForUser: false }))).toEqual([other]);
    expect(idsOf(await search({ owner, waitingForUser: null }))).toEqual([other, waits]);
  });

  const refused: Record<string, [body: unknown, message: string]> = {
    "too many statuses": [
      { statuses: { mode: "INCLUDE", values: Array.from({ length: 1001 }, () => "DONE") } },
      "List of values have a maximal size of 1000",
    ],
    "no status to include": [
      { statuses: { mode: "INCLUDE", values: [] } },
      "statuses.values: expected at least one with mode INCLUDE",
    ],
    "no mode": [{ statuses: { values: ["DONE"] } }, "statuses.mode: expected one of INCLUDE, EXCLUDE"],
    "an unknown status": [
      { statuses: { mode: "INCLUDE", values: ["LOST"] } },
      "statuses.values[0]: expected one of PENDING",
    ],
    "a time that is none": [{ creationDate: { after: "yesterday" } }, "creationDate.after: expected a time such as"],
    "a day that is none": [
      { creationDate: { before: "2026-13-45T00:00:00Z" } },
      "creationDate.before: expected a time",
    ],
    "a list": [[], "body: expected a JSON object"],
  };
  for (const [name, [body, message]] of Object.entries(refused)) {
    test(`422 for ${name}`, async () => {
      const response = await world.call("POST /orders/search", { body, ...(await as("EXPLOIT")) });
      expect(response.status).toBe(422);
      expect((await messages(response))[0]).toStartWith(message);
    });
  }

  test("sort is honoured, and kept by the links between pages", async () => {
    const owner = "sorted@example.org";
    const ids = await owned(owner, ["RUNNING", "DONE", "PAUSED"]);
    const page = await search({ owner }, "?sort=status,asc&size=2");
    expect(page.content.map(({ content }) => content.status)).toEqual(["DONE", "PAUSED"]);
    expect(page.links.find((link) => link.rel === "next")?.href).toBe(
      `${BASE}/orders/search?sort=status,asc&page=1&size=2`,
    );
    expect(idsOf(await search({ owner }, "?sort=creationDate&sort=id,asc"))).toEqual(ids);
    expect(idsOf(await search({ owner }, "?sort=creationDate,id,DESC"))).toEqual(ids.toReversed());
  });

  test("an unknown field to sort by is refused", async () => {
    const response = await world.call("POST /orders/search?sort=spec,asc", { body: {}, ...(await as("EXPLOIT")) });
    expect(response.status).toBe(422);
    expect((await messages(response))[0]).toStartWith("sort: unknown field 'spec'; expected one of id, label, owner,");
  });

  test("who may look but not touch gets no link that would refuse them", async () => {
    const owner = "links@example.org";
    await owned(owner);
    expect((await search({ owner })).content[0]?.links.map((link) => link.rel)).toEqual(["list"]);
    const response = await world.call("POST /orders/search", { body: { owner }, as: ADMIN });
    const rels = ((await response.json()) as Page).content[0]?.links.map((link) => link.rel);
    expect(rels).toEqual(["self", "list", "pause", "cancel"]);
  });

  test("403 for a user", async () => {
    expect((await world.call("POST /orders/search", { body: {} })).status).toBe(403);
  });
});

describe("O3 list", () => {
  test("testFindAllOwner: only the caller's, in the order asked for", async () => {
    const before = ((await (await world.call("GET /user/orders?size=1", { as: BOB })).json()) as Page).metadata;
    const ids = await owned(BOB, ["DONE", "RUNNING", "DELETED"]);
    const page = (await (await world.call("GET /user/orders?sort=id,asc&size=2000", { as: BOB })).json()) as Page;
    expect(page.metadata.totalElements).toBe(before.totalElements + 2);
    expect(page.content.slice(-2).map(({ content }) => content.id)).toEqual(ids.slice(0, 2));
    expect(new Set(page.content.map(({ content }) => content.owner))).toEqual(new Set([BOB]));
  });

  test("an unknown field to sort by is refused", async () => {
    expect((await world.call("GET /user/orders?sort=password,desc")).status).toBe(422);
  });

  test("asks for the datasets of all orders at once", async () => {
    const owner = "batch@example.org";
    await upsertUser(world.db, { email: owner, role: "REGISTERED_USER", groups: [], active: true });
    for (let i = 0; i < 3; i++) await world.order([{ name: "a", content: "a" }], { owner });
    const page = (await (await world.call("GET /user/orders", { as: owner })).json()) as {
      content: { content: { datasetTasks: { filesCount: number }[] } }[];
    };
    expect(page.content.map(({ content }) => content.datasetTasks.map((task) => task.filesCount))).toEqual([
      [1],
      [1],
      [1],
    ]);
  });
});

describe("O16 csv", () => {
  const HEADER =
    "ORDER_ID;CREATION_DATE;EXPIRATION_DATE;OWNER;STATUS;STATUS_DATE;PERCENT_COMPLETE;FILES_IN_ERROR;FILES_SIZE;FILES_COUNT";

  async function csv(body: unknown): Promise<Response> {
    const response = await world.call("POST /orders/csv", { body, ...(await as("EXPLOIT")) });
    expect(response.status).toBe(200);
    return response;
  }

  test("testCsv: header, filters, by number, an expiration that is not known yet is empty", async () => {
    const owner = "csv@example.org";
    await upsertUser(world.db, { email: owner, role: "REGISTERED_USER", groups: [], active: true });
    const first = await world.order(
      [
        { name: "a", content: "abc" },
        { name: "b", error: "no" },
      ],
      { owner },
    );
    const second = await world.order([], { owner, status: "DELETED" });
    await world.db`UPDATE orders SET expiration_time = '2026-11-27T10:20:30Z' WHERE id = ${second.id}`;
    const response = await csv({ owner });
    expect(response.headers.get("content-type")).toStartWith("text/csv");
    expect(response.headers.get("content-disposition")).toBe('attachment; filename="orders.csv"');
    const at = "2026-11-20T10:20:30.000Z";
    expect(await response.text()).toBe(`${HEADER}
${first.id};${at};;${owner};RUNNING;${at};0;1;2000;2
${second.id};${at};2026-11-27T10:20:30.000Z;${owner};DELETED;${at};0;0;0;0
`);
  });

  test("values are quoted where needed, and none is a formula", async () => {
    const owner = '=cmd|"/c calc";1@example.org';
    await owned(owner);
    const text = await (await csv({ owner })).text();
    expect(text.split("\n")[1]).toContain(`;"'=cmd|""/c calc"";1@example.org";RUNNING;`);
  });

  test("nothing found is the header alone; 422 for a wrong filter, before anything is sent", async () => {
    expect(await (await csv({ owner: "nobody at all" })).text()).toBe(`${HEADER}\n`);
    const body = { creationDate: { after: "then" } };
    expect((await world.call("POST /orders/csv", { body, ...(await as("EXPLOIT")) })).status).toBe(422);
  });

  test("clients that stop reading hold no connection to the database", async () => {
    await world.db`
      INSERT INTO orders (owner, label, correlation_id, resource_name, spec, spec_hash, role, channel, created_at, status_time)
      SELECT 'stalled@example.org', 'l' || n, 'k' || n, 'r' || n, '{}', 'h', 'EXPLOIT', 'rest', now(), now() FROM generate_series(1, 9000) n`;
    const stalled = await Promise.all(
      Array.from({ length: 30 }, async () => {
        const reader = (await csv({ owner: "stalled@" })).body?.getReader();
        await reader?.read();
        return reader;
      }),
    );
    await eventually("another request is answered", async () => (await world.call("GET /user/orders")).status === 200);
    const busy = await world.db`
      SELECT FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle' AND pid <> pg_backend_pid()`;
    expect(busy.count).toBe(0);
    for (const reader of stalled) await reader?.cancel();
  });

  test("a source that fails on the way does not end the table as if it were whole", async () => {
    const response = await csv({ owner: "stalled@" });
    const reader = response.body?.getReader();
    await reader?.read();
    await world.db`ALTER TABLE order_datasets RENAME TO hidden`;
    try {
      const rest = async () => {
        for (let part = await reader?.read(); part && !part.done; part = await reader?.read());
      };
      await expect(rest()).rejects.toThrow();
    } finally {
      await world.db`ALTER TABLE hidden RENAME TO order_datasets`;
    }
  });
});
