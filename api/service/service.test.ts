import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Role } from "#crds/files.ts";
import { readSettings, SETTING_NAMES } from "#store/settings.ts";
import { upsertUser } from "#store/users.ts";
import { ADMIN, type ApiWorld, apiWorld, PREFIX, PUBLIC_URL } from "#test/support/api-world.ts";

let world: ApiWorld;
beforeAll(async () => {
  world = await apiWorld("api_service");
});
afterAll(() => world.close());

const BASE = PUBLIC_URL + PREFIX;

async function as(role: Role): Promise<{ as: null; headers: Record<string, string> }> {
  const email = `${role.toLowerCase()}@example.org`;
  await upsertUser(world.db, { email, role, groups: [], active: true });
  return { as: null, headers: { authorization: `Bearer ${await world.token(email, role)}` } };
}

async function messages(response: Response): Promise<string[]> {
  return ((await response.json()) as { messages: string[] }).messages;
}

type Setting = {
  content: { name: string; defaultValue: unknown; value: unknown };
  links: { rel: string; href: string }[];
};

describe("S1 settings", () => {
  test("gives the contract's three in its words, with links", async () => {
    const names = "expiration_max_duration_in_hours,app_sub_order_duration,user_order_parameters";
    const response = await world.call(`GET /settings?names=${names}`, { as: ADMIN });
    const link = (name: string) => [
      { rel: "self", href: `${BASE}/settings?names=${name}` },
      { rel: "update", href: `${BASE}/settings/${name}` },
    ];
    expect([response.status, await response.json()]).toEqual([
      200,
      [
        {
          content: {
            name: "expiration_max_duration_in_hours",
            description: "Order expiration duration maximal (in hours)",
            defaultValue: 168,
            value: 168,
          },
          links: link("expiration_max_duration_in_hours"),
        },
        {
          content: {
            name: "app_sub_order_duration",
            description: "Sub order duration for applicative orders (in hours)",
            defaultValue: 2,
            value: 2,
          },
          links: link("app_sub_order_duration"),
        },
        {
          content: {
            name: "user_order_parameters",
            description: "Parameters for User order (in hours)",
            defaultValue: { subOrderDuration: 240, delayBeforeEmailNotification: 72 },
            value: { subOrderDuration: 240, delayBeforeEmailNotification: 72 },
          },
          links: link("user_order_parameters"),
        },
      ],
    ]);
  });

  test("gives all of them unless told, and passes over unknown names", async () => {
    const names = async (query: string) =>
      ((await (await world.call(`GET /settings${query}`, { as: ADMIN })).json()) as Setting[]).map(
        (s) => s.content.name,
      );
    expect(await names("")).toEqual([...SETTING_NAMES]);
    expect(await names("?names=download_gate,unknown&names=max_file_bytes")).toEqual([
      "download_gate",
      "max_file_bytes",
    ]);
    expect(await names("?names=unknown")).toEqual([]);
  });

  test("403 below ADMIN", async () => {
    for (const route of ["GET /settings", "PUT /settings/download_gate", "DELETE /settings/download_gate"]) {
      expect((await world.call(route, await as("EXPLOIT"))).status).toBe(403);
    }
  });
});

describe("S2 update, S3 reset", () => {
  const put = (name: string, body: unknown) => world.call(`PUT /settings/${name}`, { as: ADMIN, body });

  test("changes the value, offers the reset, and resets", async () => {
    const changed = await put("download_gate", { name: "other", description: "x", value: "Always", defaultValue: 1 });
    expect(changed.status).toBe(200);
    const setting = (await changed.json()) as Setting;
    expect(setting.content).toMatchObject({ name: "download_gate", value: "Always", defaultValue: "WhenFull" });
    expect(setting.links.at(-1)).toEqual({ rel: "reset", href: `${BASE}/settings/download_gate` });
    expect((await readSettings(world.db)).download_gate).toBe("Always");
    const reset = await world.call("DELETE /settings/download_gate", { as: ADMIN });
    expect(reset.status).toBe(200);
    expect(((await reset.json()) as Setting).links.map((link) => link.rel)).toEqual(["self", "update"]);
    expect((await readSettings(world.db)).download_gate).toBe("WhenFull");
  });

  const refused: Record<string, [name: string, value: unknown, message: string]> = {
    "no expiry": [
      "expiration_max_duration_in_hours",
      0,
      "parameter [expiration max duration] must be a valid positive number.",
    ],
    "a negative duration": [
      "app_sub_order_duration",
      -1,
      "parameter [suborder creation] must be a valid positive number",
    ],
    "a reminder after the end": [
      "user_order_parameters",
      { subOrderDuration: 1, delayBeforeEmailNotification: 2 },
      "parameter [user order parameters] must have a valid positive delayBeforeEmailNotification <= subOrderDuration.",
    ],
    "a setting of ours": ["max_running_sub_orders", "many", "Cannot set 'max_running_sub_orders': expected integer"],
    "no value": ["download_gate", undefined, "value: missing"],
  };
  for (const [name, [setting, value, message]] of Object.entries(refused)) {
    test(`422 for ${name}, and nothing changes`, async () => {
      const before = await readSettings(world.db);
      const response = await put(setting, { value });
      expect([response.status, await messages(response)]).toEqual([422, [message]]);
      expect(await readSettings(world.db)).toEqual(before);
    });
  }

  test("404 for a setting that is none", async () => {
    expect((await put("colour", { value: 1 })).status).toBe(404);
    expect((await put("constructor", { value: 1 })).status).toBe(404);
    expect((await world.call("DELETE /settings/colour", { as: ADMIN })).status).toBe(404);
  });
});

describe("G2 readiness", () => {
  test("tells that it is ready, and that it can tell", async () => {
    const ready = await world.call("GET /microservice/ready", await as("PROJECT_ADMIN"));
    expect([ready.status, await ready.json()]).toEqual([200, { ready: true, reasons: [] }]);
    expect((await world.call("GET /microservice/ready/enabled", await as("PROJECT_ADMIN"))).status).toBe(200);
  });
});

describe("G2, G5, G6 without a meaning here", () => {
  for (const [route, role] of Object.entries({
    "GET /microservice/restart": "PROJECT_ADMIN",
    "GET /microservice/restart/enabled": "PROJECT_ADMIN",
    "GET /regards/default/datasource/status": "REGISTERED_USER",
    "GET /regards/default/datasource/test": "ADMIN",
    "POST /shutdown/immediate": "INSTANCE_ADMIN",
  } as const)) {
    test(`${route} answers 501`, async () => {
      const response = await world.call(route, await as(role));
      expect(response.status).toBe(501);
      expect((await messages(response))[0]).toEndWith("is not enabled");
    });
  }
});

describe("G3 maintenance", () => {
  const tenant = "default";

  test("refuses changes with 515 and the message, lets reading go on, survives a restart, ends", async () => {
    const admin = await as("PROJECT_ADMIN");
    const none = await world.call("GET /maintenance", admin);
    expect(await none.json()).toEqual({ content: { [tenant]: { active: false } }, links: [] });
    const order = await world.order([{ name: "a", content: "a" }]);
    const enable = await world.call(`PUT /maintenance/${tenant}/enable`, {
      ...admin,
      body: { message: "Back at noon" },
    });
    expect([enable.status, await enable.text()]).toEqual([200, ""]);
    const told = [`Tenant ${tenant} in maintenance!`, "Back at noon"];
    for (const app of [world.app, world.restarted()]) {
      const pause = await app.handle(await world.request(`PUT /user/orders/pause/${order.id}`));
      expect([pause.status, await messages(pause)]).toEqual([515, told]);
    }
    for (const route of ["POST /user/orders/apply", "DELETE /user/orders/1", "POST /orders/search"]) {
      expect((await world.call(route, { as: ADMIN })).status).toBe(515);
    }
    expect((await world.call(`GET /user/orders/${order.id}`)).status).toBe(200);
    expect((await world.call(`GET /user/orders/${order.id}/download`)).status).toBe(200);
    expect((await world.call("GET /maintenance", admin).then((r) => r.json())) as unknown).toEqual({
      content: { [tenant]: { active: true, lastUpdate: "2026-11-20T10:20:30.000Z", message: "Back at noon" } },
      links: [],
    });
    expect((await world.call(`PUT /maintenance/${tenant}/disable`, admin)).status).toBe(200);
    expect((await world.call("POST /user/orders/apply", { body: { queries: [] } })).status).toBe(422);
  });

  test("a stranger is told 401, not whether there is maintenance", async () => {
    const admin = await as("PROJECT_ADMIN");
    await world.call(`PUT /maintenance/${tenant}/enable`, admin);
    try {
      expect((await world.call("POST /user/orders/apply", { as: null, body: {} })).status).toBe(401);
    } finally {
      await world.call(`PUT /maintenance/${tenant}/disable`, admin);
    }
  });

  test("404 for another tenant, 422 for a message that is none, 403 below PROJECT_ADMIN", async () => {
    const admin = await as("PROJECT_ADMIN");
    expect((await world.call("PUT /maintenance/other/enable", admin)).status).toBe(404);
    expect((await world.call(`PUT /maintenance/${tenant}/enable`, { ...admin, body: { message: 5 } })).status).toBe(
      422,
    );
    expect((await world.call(`PUT /maintenance/${tenant}/enable`, { as: ADMIN })).status).toBe(403);
    const state = await world.call("GET /maintenance", admin);
    expect(await state.json()).toMatchObject({ content: { [tenant]: { active: false } } });
  });
});
