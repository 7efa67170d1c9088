import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ADMIN, type ApiWorld, apiWorld, BOB, PREFIX } from "#test/support/api-world.ts";

const DETAILS = "application/problem+json";

let world: ApiWorld;
let foreign: number;
beforeAll(async () => {
  world = await apiWorld("api_refuse");
  foreign = (await world.order([{ name: "a", content: "a" }], { owner: BOB })).id;
});
afterAll(() => world.close());

type Asked = { route: string; as?: string | null; body?: unknown; headers?: Record<string, string> };

async function ask({ route, headers, ...o }: Asked, accept: string = DETAILS) {
  const response = await world.call(route, { ...o, headers: { ...headers, accept } });
  const text = await response.text();
  return { response, text, json: text === "" ? undefined : JSON.parse(text) };
}

describe("problem details (RFC 9457)", () => {
  const cases: Record<string, [asked: Asked, want: Record<string, unknown>]> = {
    "no token": [
      { route: "GET /user/orders", as: null },
      { status: 401, title: "Unauthorized", instance: `${PREFIX}/user/orders` },
    ],
    "a role that is too low": [
      { route: "GET /settings?names=a" },
      {
        status: 403,
        title: "Forbidden",
        detail: "Access denied: role 'ADMIN' is needed, yours is 'REGISTERED_USER'",
        instance: `${PREFIX}/settings`,
      },
    ],
    "no such route": [{ route: "GET /nothing" }, { status: 404, title: "Not Found" }],
    "another method": [{ route: "PATCH /settings" }, { status: 405, title: "Method Not Allowed" }],
    "a body that cannot be read": [{ route: "POST /user/orders/apply", body: "{" }, { status: 400 }],
    "a text that cannot be stored": [
      { route: "POST /user/orders/apply", body: { queries: ["a", "\0"] } },
      {
        status: 400,
        errors: [{ pointer: "#/queries/1", detail: "expected Unicode text without the character U+0000" }],
      },
    ],
    "an order request with faults": [
      { route: "POST /user/orders/apply", body: { queries: ["date:[2020 TO", "a"], selections: [{ query: "b:[" }] } },
      {
        status: 422,
        errors: [
          { pointer: "#/queries/0", detail: expect.any(String) },
          { pointer: "#/selections/0/query", detail: expect.any(String) },
        ],
      },
    ],
    "a field of a basket's selection": [
      { route: "POST /order/basket/selection", body: { engineType: "legacy", entityIdsToInclude: "x" } },
      { status: 422, errors: [{ pointer: "#/entityIdsToInclude", detail: expect.any(String) }] },
    ],
    "a label that is too long": [
      { route: "POST /user/orders", body: { label: "x".repeat(51) } },
      {
        status: 422,
        messages: ["TOO_MANY_CHARACTERS_IN_LABEL"],
        errors: [{ pointer: "#/label", detail: "TOO_MANY_CHARACTERS_IN_LABEL" }],
      },
    ],
    "an action that the state forbids": [
      { route: "PUT /user/orders/pause/1", as: ADMIN },
      { status: 401, messages: ["ORDER_MUST_BE_PENDING_OR_RUNNING"] },
    ],
  };
  for (const [label, [asked, want]] of Object.entries(cases)) {
    test(`are given for ${label}, with the plain form's messages`, async () => {
      if (label.includes("state")) await world.setStatus(foreign, "DONE");
      const { response, json } = await ask({ ...asked, route: asked.route.replace("/1", `/${foreign}`) });
      expect(response.headers.get("content-type")).toBe(DETAILS);
      expect(response.status).toBe(json.status);
      expect(json).toMatchObject({ type: "about:blank", ...want });
      const plain = await ask({ ...asked, route: asked.route.replace("/1", `/${foreign}`) }, "application/json");
      expect(plain.response.status).toBe(response.status);
      expect(plain.response.headers.get("content-type")).toStartWith("application/json");
      expect(json.messages).toEqual(plain.json.messages);
      expect(json.detail).toBe(json.messages.join("\n"));
    });
  }

  test("are given where the plain form is empty, and stay without words", async () => {
    const asked = { route: `GET /user/orders/${foreign}` };
    expect((await ask(asked, "*/*")).text).toBe("");
    const { response, json } = await ask(asked);
    expect(response.status).toBe(403);
    const instance = `${PREFIX}/user/orders/${foreign}`;
    expect(json).toEqual({ type: "about:blank", title: "Forbidden", status: 403, instance, messages: [] });
  });

  test("say nothing of the bytes that are not sent, and what the status needs", async () => {
    const order = await world.order([{ name: "a.txt", content: "abc" }]);
    const headers = { range: "bytes=9-" };
    const { response, json } = await ask({ route: `GET /orders/files/${order.files[0]}`, headers });
    expect([response.status, json.title]).toEqual([416, "Range Not Satisfiable"]);
    expect(response.headers.get("content-range")).toBe("bytes */3");
    expect(response.headers.get("content-disposition")).toBeNull();
    const plain = await ask({ route: `GET /orders/files/${order.files[0]}`, headers }, "*/*");
    expect([plain.response.status, plain.text]).toEqual([416, ""]);
  });

  test("have a header and no body for HEAD", async () => {
    const { response, text } = await ask({ route: `HEAD /user/orders/${foreign}/download` });
    expect([response.status, response.headers.get("content-type"), text]).toEqual([403, DETAILS, ""]);
  });

  const accepts: Record<string, boolean> = {
    "application/problem+json": true,
    "Application/Problem+JSON; q=0.5": true,
    "application/json, application/problem+json": true,
    "text/html, application/problem+json;q=0.9, */*;q=0.1": true,
    "application/json, application/problem+json;q=0.5": false,
    "application/problem+json;q=0": false,
    "application/json": false,
    "application/*": false,
    "*/*": false,
  };
  for (const [accept, wanted] of Object.entries(accepts)) {
    test(`are ${wanted ? "" : "not "}given for '${accept}'`, async () => {
      const { response } = await ask({ route: "GET /nothing" }, accept);
      expect(response.headers.get("content-type") === DETAILS).toBe(wanted);
    });
  }

  test("do not touch answers that are none of refusal", async () => {
    expect((await ask({ route: "GET /user/orders" })).response.headers.get("content-type")).toStartWith(
      "application/json",
    );
  });
});
