import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { ownNamespace } from "#kube/namespace.ts";
import { upsertUser } from "#store/users.ts";
import { ADA, type ApiWorld, apiWorld, BOB } from "#test/support/api-world.ts";

let world: ApiWorld;
beforeAll(async () => {
  world = await apiWorld("api_apply");
  await world.product({ name: "scene-1", properties: { platform: ["landsat-8"] }, bytes: 1000 });
  await world.product({ name: "scene-2", properties: { platform: ["landsat-8"] }, bytes: 2000 });
  await world.product({ name: "secret-1", properties: { platform: ["spy"] }, dataset: "closed", isPublic: false });
});
afterAll(() => world.close());
beforeEach(() => {
  world.clock.now = new Date(world.clock.now.getTime() + 60_000);
  world.switches.kubernetesAway = false;
});

const QUERY = 'platform:"landsat-8"';

type Answer = {
  readonly orderId: number;
  readonly correlationId: string;
  readonly messages: readonly string[];
  readonly status: string;
};

async function apply(body: unknown, as = ADA) {
  const response = await world.call("POST /user/orders/apply", { body, as });
  return { status: response.status, body: (await response.json()) as Answer };
}

async function count(): Promise<number> {
  const [row] = await world.db<{ n: number }[]>`SELECT count(*) AS n FROM orders`;
  return row?.n ?? 0;
}

describe("O2 apply", () => {
  test("answers 201 with the order, flat and wrapped (D5, D6)", async () => {
    const { status, body } = await apply({ queries: [QUERY], correlationId: "nominal" });
    const response = { orderId: body.orderId, status: "GRANTED", correlationId: "nominal" };
    expect(status).toBe(201);
    expect(body).toEqual({ ...response, content: response, links: [] } as never);
    expect(await world.row(body.orderId)).toMatchObject({ owner: ADA, status: "PENDING", channel: "rest" });
  });

  test("the row knows its resource at once, so that one which is deleted right away is missed", async () => {
    const { body } = await apply({ queries: [QUERY], correlationId: "bound" });
    const resource = await world.orders.get(`order-${body.orderId}`);
    const namespace = await ownNamespace(world.transport);
    const { resourceUid, namespaceUid } = await world.row(body.orderId);
    expect([resourceUid, namespaceUid]).toEqual([resource?.metadata.uid, namespace?.uid]);
  });

  test("stores what was asked, and makes the resource of the same", async () => {
    const filters = { dataTypes: ["RAWDATA", "QUICKLOOK"], filenameRegExp: ".*\\.tif" };
    const { body } = await apply({
      queries: [QUERY, "scene"],
      filters,
      sizeLimitInBytes: "5000",
      correlationId: "whole",
    });
    const row = await world.row(body.orderId);
    const fileTypes = ["RAWDATA", "QUICKLOOK_SD", "QUICKLOOK_MD", "QUICKLOOK_HD"] as const;
    const fileNamePattern = ".*\\.tif";
    expect(row.spec).toMatchObject({
      owner: ADA,
      selections: [
        { query: QUERY, fileTypes, fileNamePattern },
        { query: "scene", fileTypes, fileNamePattern },
      ],
      sizeLimitBytes: 5000,
      subOrderAvailabilitySeconds: 7200,
    });
    expect(row.label).toStartWith("Generated order 2026-11-20T");
    const resource = await world.orders.get(`order-${row.id}`);
    expect(resource?.spec).toMatchObject({ ...row.spec, label: row.label, correlationId: "whole" } as object);
  });

  test("P9: the same request again is the same order", async () => {
    const request = { queries: [QUERY], correlationId: "again" };
    const first = await apply(request);
    const before = await count();
    const both = await Promise.all([apply(request), apply({ correlationId: "again", queries: [QUERY], unknown: 1 })]);
    expect(both.map((r) => [r.status, r.body.orderId])).toEqual([
      [201, first.body.orderId],
      [201, first.body.orderId],
    ]);
    expect(await count()).toBe(before);
  });

  test("P9: twenty times at once is one order", async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => apply({ queries: [QUERY], correlationId: "at once" })),
    );
    expect(new Set(answers.map((a) => a.body.orderId)).size).toBe(1);
  });

  test("another request under the same correlation id is refused with 409", async () => {
    await apply({ queries: [QUERY], correlationId: "taken" });
    const { status, body } = await apply({ queries: ["scene"], correlationId: "taken" });
    expect(status).toBe(409);
    expect(body).toMatchObject({ status: "DENIED", errorType: "INVALID_CONTENT", content: { status: "DENIED" } });
  });

  test("another user may use the same correlation id", async () => {
    const ada = await apply({ queries: [QUERY], correlationId: "shared" });
    const bob = await apply({ queries: [QUERY], correlationId: "shared" }, BOB);
    expect(bob.status).toBe(201);
    expect(bob.body.orderId).not.toBe(ada.body.orderId);
  });

  test("the owner is the caller, whatever the body says", async () => {
    const { body } = await apply({ queries: [QUERY], user: BOB });
    expect((await world.row(body.orderId)).owner).toBe(ADA);
  });

  test("P8: queries of two requests are not mixed", async () => {
    const a = await apply({ queries: ["scene"] });
    const b = await apply({ queries: [QUERY] });
    expect((await world.row(b.body.orderId)).spec.selections).toEqual([{ query: QUERY }]);
    expect((await world.row(a.body.orderId)).spec.selections).toEqual([{ query: "scene" }]);
  });

  test("is accepted while Kubernetes is away: the row is the intent", async () => {
    world.switches.kubernetesAway = true;
    const { status, body } = await apply({ queries: [QUERY] });
    expect(status).toBe(201);
    expect(await world.row(body.orderId)).toMatchObject({ status: "PENDING" });
  });

  test("P21: two orders in the same second get different labels", async () => {
    const [a, b] = [await apply({ queries: [QUERY] }), await apply({ queries: [QUERY] })];
    const labels = [(await world.row(a.body.orderId)).label, (await world.row(b.body.orderId)).label];
    expect(new Set(labels).size).toBe(2);
  });

  test("a label of the caller's is used, and refused where it is taken", async () => {
    expect((await apply({ queries: [QUERY], label: "mine" })).status).toBe(201);
    const { status, body } = await apply({ queries: ["scene"], label: "mine" });
    expect(status).toBe(422);
    expect(body).toMatchObject({
      status: "FAILED",
      errorType: "INTERNAL_ERROR",
      message: "EntityInvalidException: LABEL_NOT_UNIQUE_FOR_OWNER",
      messages: ["LABEL_NOT_UNIQUE_FOR_OWNER"],
    });
  });
});

describe("O2 apply refuses", () => {
  const EMPTY = "EmptySelectionException: This selection contains no file that can be ordered";
  const SEARCH =
    "CatalogSearchException: Error applying search queries. Please correct your requests. Maybe your queries contains unknown attributes";
  const cases: Record<string, { body: unknown; want: Record<string, unknown>; says: string }> = {
    "a request without queries": {
      body: { filters: { dataTypes: ["RAWDATA"] } },
      want: { status: "DENIED", errorType: "INVALID_CONTENT", errors: 1 },
      says: "queries: list of queries should not be empty",
    },
    "a body that is no object": {
      body: [1],
      want: { status: "DENIED", errorType: "INVALID_CONTENT" },
      says: "body: expected a JSON object",
    },
    "filters without a kind of file": {
      body: { queries: [QUERY], filters: { dataTypes: [] } },
      want: { status: "DENIED", errorType: "INVALID_CONTENT" },
      says: "filters.dataTypes: There should be at least one datatype to order. DataType can be RAWDATA or QUICKLOOK",
    },
    "a correlation id of 256 characters": {
      body: { queries: [QUERY], correlationId: "x".repeat(256) },
      want: { status: "DENIED", errorType: "INVALID_CONTENT" },
      says: "correlationId: provided correlationId must not exceed 255 characters.",
    },
    "a label of 51 characters": {
      body: { queries: [QUERY], label: "x".repeat(51) },
      want: { status: "DENIED" },
      says: "label: TOO_MANY_CHARACTERS_IN_LABEL",
    },
    "P4: a file name pattern that is no regular expression": {
      body: { queries: [QUERY, "scene"], filters: { dataTypes: ["RAWDATA"], filenameRegExp: "test**" } },
      want: {
        status: "DENIED",
        errorType: "INVALID_CONTENT",
        errors: 1,
        message: expect.stringMatching(/ at filters\.filenameRegExp: rejected value \[test\*\*\]\.$/),
      },
      says: "filters.filenameRegExp: ",
    },
    "a query that cannot be read": {
      body: { queries: ["scene", "date:[2020 TO"] },
      want: { status: "FAILED", errorType: "INTERNAL_ERROR", message: SEARCH },
      says: "queries[1]: ",
    },
    "an unknown attribute": {
      body: { queries: ['nonsense:"x"'] },
      want: { status: "FAILED", errorType: "INTERNAL_ERROR", message: SEARCH },
      says: "nonsense",
    },
    "a query that finds nothing": {
      body: { queries: ['platform:"other"'] },
      want: { status: "FAILED", errorType: "EMPTY_ORDER", message: EMPTY },
      says: EMPTY,
    },
    "what only others may see": {
      body: { queries: ['platform:"spy"'] },
      want: { status: "FAILED", errorType: "EMPTY_ORDER", message: EMPTY },
      says: EMPTY,
    },
    "more bytes than the limit": {
      body: { queries: [QUERY], sizeLimitInBytes: 2999 },
      want: { status: "DENIED", errorType: "ORDER_LIMIT_REACHED" },
      says: "ExceededBasketSizeException: The size of the basket [3000 bytes] exceeds the maximum size allowed [2999 bytes]. Please review the order requested so that it does not exceed the maximum size configured.",
    },
    "a misspelt field of a selection": {
      body: { selections: [{ query: QUERY, fileNamePatern: "x" }] },
      want: { status: "DENIED", errorType: "INVALID_CONTENT" },
      says: "selections[0].fileNamePatern: unknown field; expected one of dataset, query",
    },
    "a selection of nothing": {
      body: { queries: [QUERY], selections: [{ excludeIds: ["a"] }] },
      want: { status: "DENIED", errorType: "INVALID_CONTENT" },
      says: "selections[0]: ",
    },
  };
  for (const [label, { body, want, says }] of Object.entries(cases)) {
    test(label, async () => {
      const before = await count();
      const answer = await apply(body);
      expect(answer.status).toBe(422);
      expect(answer.body).toMatchObject({ ...want, content: want });
      expect(answer.body.messages.join("\n")).toContain(says);
      expect(answer.body.correlationId).toBeString();
      expect(await count()).toBe(before);
    });
  }

  test("accepts exactly as many bytes as the limit", async () => {
    expect((await apply({ queries: [QUERY], sizeLimitInBytes: 3000 })).status).toBe(201);
  });

  test("an inactive user's request, before anything else", async () => {
    await upsertUser(world.db, { email: "gone@example.org", role: "REGISTERED_USER", groups: [], active: false });
    const { status, body } = await apply({ queries: [QUERY] }, "gone@example.org");
    expect(status).toBe(401);
    expect(body.messages[0]).toStartWith("[REGARDS JWT FILTER] Unknown or inactive user");
  });
});
