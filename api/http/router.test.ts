import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { upsertUser } from "#store/users.ts";
import { ADA, type ApiWorld, apiWorld, PREFIX } from "#test/support/api-world.ts";
import { OPERATIONS, type Operation, routePath } from "../operations.ts";
import { MAX_BODY_BYTES } from "./body.ts";

const BOSS = "boss@example.org";

let world: ApiWorld;
beforeAll(async () => {
  world = await apiWorld("api_router");
  await upsertUser(world.db, { email: BOSS, role: "INSTANCE_ADMIN", groups: [], active: true });
});
afterAll(() => world.close());

async function messages(response: Response): Promise<string> {
  return ((await response.json()) as { messages: string[] }).messages.join("\n");
}

describe("deny by default", () => {
  test("every mounted route declares its role, and every declared route is mounted", () => {
    const mounted = world.app.routes.map((route) => `${route.method} ${route.path}`).sort();
    const declared = Object.values(OPERATIONS as Record<string, Operation>).map(
      (operation) => `${operation.method} ${routePath(operation, PREFIX)}`,
    );
    expect(mounted).toEqual(declared.sort());
  });

  test("only these routes ask for no token", () => {
    const open = Object.entries(OPERATIONS as Record<string, Operation>).filter(([, o]) => o.access === "ANYONE");
    expect(open.map(([id]) => id).sort()).toEqual([
      "healthz",
      "issueToken",
      "openapiDocument",
      "openapiPage",
      "readyz",
    ]);
  });

  test("a route mounted beside the table is refused, whoever asks", async () => {
    const app = world.restarted().get("/beside", () => new Response("content"));
    const response = await app.handle(await world.request("GET //beside"));
    expect(response.status).toBe(403);
    expect(await response.text()).not.toContain("content");
  });

  for (const [id, operation] of Object.entries(OPERATIONS as Record<string, Operation>)) {
    if (operation.access === "ANYONE") continue;
    test(`${id} answers 401 without a token`, async () => {
      const path = operation.path.replaceAll(/:\w+/g, "1");
      const root = operation.at === "root" ? "/" : "";
      const response = await world.call(`${operation.method} ${root}${path}`, { as: null });
      expect(response.status).toBe(401);
    });
  }
});

describe("the router", () => {
  test("answers 404 where there is nothing, 405 where there is another method", async () => {
    const missing = await world.call("GET /nothing");
    expect([missing.status, await messages(missing)]).toEqual([404, `No such route: GET ${PREFIX}/nothing`]);
    const wrong = await world.call("POST /user/orders/1", { body: {} });
    expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "GET, DELETE, PATCH"]);
  });

  test("takes no word of another route for a parameter", async () => {
    const allowed: Record<string, string> = {
      "PATCH /user/orders/apply": "POST",
      "GET /user/orders/apply": "POST",
      "DELETE /order/basket/dataset/1/updateFileFilters": "PUT",
      "OPTIONS /user/orders/apply": "POST",
      "OPTIONS /order/basket/dataset/1/updateFileFilters": "PUT",
      "OPTIONS /order/basket/dataset/1/2026-01-01T00:00:00Z": "DELETE",
    };
    for (const [route, allow] of Object.entries(allowed)) {
      const { status, headers } = await world.call(route);
      expect([route, status, headers.get("allow")]).toEqual([route, route.startsWith("OPTIONS") ? 204 : 405, allow]);
    }
  });

  test("answers 400 for a body that is not JSON, without echoing a stack", async () => {
    const response = await world.call("POST /user/orders/apply", { body: '{"queries": [' });
    expect(response.status).toBe(400);
    expect(await messages(response)).toStartWith("Cannot read the body: JSON Parse error");
  });

  test("answers 413 for a body that is too large, whatever length it claims", async () => {
    const body = JSON.stringify({ queries: ["x".repeat(MAX_BODY_BYTES)] });
    expect((await world.call("POST /user/orders/apply", { body })).status).toBe(413);
    const stream = new Request(await world.request("POST /user/orders/apply"), {
      body: new Blob([body]).stream(),
      headers: { authorization: `Bearer ${await world.token(ADA)}` },
    });
    expect((await world.app.handle(stream)).status).toBe(413);
  });

  test("answers 415 for a kind of body that it does not read", async () => {
    const response = await world.call("POST /user/orders/apply", {
      body: "<a/>",
      headers: { "content-type": "text/xml" },
    });
    expect(response.status).toBe(415);
  });

  test("reads no body of a caller that is refused", async () => {
    let read = 0;
    const body = new ReadableStream<Uint8Array>(
      {
        pull: (c) => {
          read++;
          c.enqueue(new Uint8Array(1000));
        },
      },
      { highWaterMark: 0 },
    );
    const request = new Request(`http://localhost${PREFIX}/user/orders/apply`, { method: "POST", body });
    expect((await world.app.handle(request)).status).toBe(401);
    expect(read).toBe(0);
  });

  test("answers 422 with the name of a path parameter that is no number", async () => {
    const response = await world.call("GET /user/orders/abc");
    expect([response.status, await messages(response)]).toEqual([422, "orderId: expected a whole number, got 'abc'"]);
  });

  test("puts the security headers and the request's id on every answer", async () => {
    for (const route of ["GET /user/orders", "GET /nothing", "GET /user/orders/abc", "GET //healthz"]) {
      const { headers } = await world.call(route, { headers: { "correlation-id": "my-id.1" } });
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("x-frame-options")).toBe("DENY");
      expect(headers.get("cache-control")).toBe("no-cache, no-store, max-age=0, must-revalidate");
      expect(headers.get("correlation-id")).toBe("my-id.1");
    }
  });

  test("tells a fault of its own by the id under which it is logged, and nothing else", async () => {
    const app = world.restarted();
    const order = await world.order([]);
    await world.db`ALTER TABLE order_datasets RENAME TO hidden`;
    try {
      const response = await app.handle(await world.request(`GET /user/orders/${order.id}`));
      const text = await response.text();
      expect(response.status).toBe(500);
      expect(text).toContain(response.headers.get("correlation-id") ?? "none");
      expect(text).not.toContain("order_datasets");
    } finally {
      await world.db`ALTER TABLE hidden RENAME TO order_datasets`;
    }
  });

  test("lives, and is ready while the database answers", async () => {
    expect((await world.call("GET //healthz", { as: null })).status).toBe(200);
    expect((await world.call("GET //readyz", { as: null })).status).toBe(200);
  });
});

describe("what PostgreSQL cannot hold", () => {
  const SAYS = "expected Unicode text without the character U+0000";

  for (const [id, operation] of Object.entries(OPERATIONS as Record<string, Operation>)) {
    const at = operation.at === "root" ? "/" : "";
    const path = at + operation.path.replaceAll(/:\w+/g, "1");
    const as = operation.access === "ANYONE" ? null : BOSS;
    if (operation.method !== "HEAD") {
      test(`is refused by ${id} in a parameter, which is named`, async () => {
        const response = await world.call(`${operation.method} ${path}?sort=a%00b&label=1`, { as });
        expect([response.status, await messages(response)]).toEqual([400, `sort: ${SAYS}`]);
      });
    }
    if (operation.body !== "streamed" && (operation.method === "POST" || operation.method === "PUT")) {
      test(`is refused by ${id} in the body, whose field is named`, async () => {
        const response = await world.call(`${operation.method} ${path}`, { as, body: { label: ["x", "a\0b"] } });
        expect([response.status, await messages(response)]).toEqual([400, `label[1]: ${SAYS}`]);
      });
    }
  }

  test("is refused in the path, in a form, and as half of a pair", async () => {
    const path = await world.call("PUT /settings/a%00b", { as: BOSS, body: { value: 1 } });
    expect([path.status, await messages(path)]).toEqual([400, `name: ${SAYS}`]);
    const form = await world.call("POST //api/v1/rs-authentication/oauth/token", {
      as: null,
      body: "username=a%00b&password=x",
      headers: { "content-type": "application/x-www-form-urlencoded" },
    });
    expect([form.status, await messages(form)]).toEqual([400, `username: ${SAYS}`]);
    const half = await world.call("POST /user/orders/apply", { body: '{"queries":["\\ud83c"]}' });
    expect([half.status, await messages(half)]).toEqual([400, `queries[0]: ${SAYS}`]);
  });
});

describe("the OpenAPI document", () => {
  type Doc = { openapi: string; paths: Record<string, Record<string, { responses: object; operationId: string }>> };

  test("has every route with its answers, and no reference into nowhere", async () => {
    const response = await world.call("GET //openapi/json", { as: null });
    const text = await response.text();
    const doc = JSON.parse(text) as Doc & { components: { schemas: object } };
    expect(doc.openapi).toBe("3.1.0");
    const ids = Object.values(doc.paths).flatMap((path) => Object.values(path).map((o) => o.operationId));
    expect(ids.sort()).toEqual(Object.keys(OPERATIONS).sort());
    for (const [, name] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      expect(Object.keys(doc.components.schemas)).toContain(name ?? "");
    }
    expect(Object.keys(doc.paths[`${PREFIX}/user/orders/apply`]?.["post"]?.responses ?? {})).toEqual([
      "200",
      "201",
      "400",
      "401",
      "403",
      "409",
      "413",
      "415",
      "422",
      "500",
      "503",
      "515",
    ]);
  });

  test("S16: has a page that loads nothing from elsewhere", async () => {
    const response = await world.call("GET //openapi", { as: null });
    const page = await response.text();
    expect(response.headers.get("content-security-policy")).toStartWith("default-src 'none'");
    expect(page).toContain("/user/orders/apply");
    expect(page).not.toMatch(/<script|src=|@import|https?:\/\/cdn/);
  });
});
