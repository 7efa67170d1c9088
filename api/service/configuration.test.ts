import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { readRouteRoles, writeRouteRole } from "#store/route-roles.ts";
import { readSettings, writeSetting } from "#store/settings.ts";
import { upsertUser } from "#store/users.ts";
import { ADMIN, type ApiWorld, apiWorld } from "#test/support/api-world.ts";

const CHIEF = "chief@example.org";
const ROUTE = "/microservice/configuration";

let world: ApiWorld;
let headers: Record<string, string>;
beforeAll(async () => {
  world = await apiWorld("api_configuration");
  await upsertUser(world.db, { email: CHIEF, role: "PROJECT_ADMIN", groups: [], active: true });
  headers = { authorization: `Bearer ${await world.token(CHIEF, "PROJECT_ADMIN")}` };
});
afterAll(() => world.close());
beforeEach(async () => {
  await world.db`DELETE FROM settings`;
  await world.db`DELETE FROM route_roles`;
});

async function imported(document: unknown): Promise<Response> {
  const form = new FormData();
  form.append("file", new Blob([typeof document === "string" ? document : JSON.stringify(document)]), "config.json");
  const plain = await world.request(`POST ${ROUTE}`, { as: null, headers });
  return world.app.handle(new Request(plain.url, { method: "POST", headers, body: form }));
}

const moduleOf = (values: Record<string, unknown>, resetBeforeImport = false) => ({
  microservice: "rs-order",
  modules: [
    {
      module: { id: "order" },
      resetBeforeImport,
      configuration: Object.entries(values).map(([name, value]) => ({ key: "any", value: { name, value } })),
    },
  ],
});

describe("G1 export and import", () => {
  test("the contract's form, and back again as it was", async () => {
    await writeSetting(world.db, "expiration_max_duration_in_hours", 24);
    await writeSetting(world.db, "allowed_file_roots", ["/data"]);
    await writeRouteRole(world.db, "listOrders", "EXPLOIT");
    const before = await readSettings(world.db);
    const response = await world.call(`GET ${ROUTE}`, { as: null, headers });
    expect([response.status, response.headers.get("content-disposition")]).toEqual([
      200,
      'attachment; filename="config-rs-order.json"',
    ]);
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({
      microservice: "rs-order",
      modules: [
        {
          module: { id: "order", name: "Order module", author: "REGARDS", legalOwner: "CNES" },
          resetBeforeImport: true,
          configuration: expect.arrayContaining([
            {
              key: "fr.cnes.regards.framework.modules.tenant.settings.domain.DynamicTenantSetting",
              value: {
                name: "expiration_max_duration_in_hours",
                description: "Order expiration duration maximal (in hours)",
                value: "24",
                defaultValue: "168",
                className: "java.lang.Integer",
                containsSensitiveParameters: false,
              },
            },
          ]),
        },
        {
          module: { id: "order-security" },
          resetBeforeImport: true,
          configuration: [
            {
              key: "RouteRole",
              value: { name: "listOrders", value: '"EXPLOIT"', defaultValue: '"REGISTERED_USER"' },
            },
          ],
        },
      ],
    });
    await world.db`DELETE FROM settings`;
    await world.db`DELETE FROM route_roles`;
    await writeSetting(world.db, "download_gate", "Always");
    await writeRouteRole(world.db, "pauseOrder", "ADMIN");
    const answer = await imported(text);
    expect([answer.status, await answer.text()]).toEqual([201, ""]);
    expect(await readSettings(world.db)).toEqual(before);
    expect([...(await readRouteRoles(world.db))]).toEqual([["listOrders", "EXPLOIT"]]);
  });

  const routes = (roles: Record<string, unknown>) => ({
    modules: [
      {
        module: { id: "order-security" },
        configuration: Object.entries(roles).map(([name, value]) => ({ value: { name, value } })),
      },
    ],
  });

  test("roles of routes within their bounds only; what is wrong is told by name", async () => {
    await writeRouteRole(world.db, "pauseOrder", "ADMIN");
    const answer = await imported(
      routes({ listOrders: "ADMIN", importConfiguration: "ADMIN", gone: "ADMIN", resumeOrder: "INSTANCE_ADMIN" }),
    );
    expect([answer.status, await answer.json()]).toMatchObject([
      206,
      [
        {
          moduleInformation: { id: "order-security" },
          importErrors: [
            "importConfiguration: expected one of PROJECT_ADMIN",
            "Cannot find operation 'gone'",
            "resumeOrder: expected one of REGISTERED_USER, EXPLOIT, ADMIN, PROJECT_ADMIN",
          ],
        },
      ],
    ]);
    expect(Object.fromEntries(await readRouteRoles(world.db))).toEqual({ pauseOrder: "ADMIN", listOrders: "ADMIN" });
    const denied = await world.call("GET /user/orders");
    expect([denied.status, await denied.text()]).toEqual([403, expect.stringContaining("Access denied")]);
  });

  test("409 where no role of a route can be taken, and nothing is changed", async () => {
    await writeRouteRole(world.db, "pauseOrder", "ADMIN");
    expect((await imported(routes({ listOrders: "KING" }))).status).toBe(409);
    expect([...(await readRouteRoles(world.db))]).toEqual([["pauseOrder", "ADMIN"]]);
  });

  test("what a file does not name stays, or goes back to its default where the file says so", async () => {
    await writeSetting(world.db, "download_gate", "Always");
    expect((await imported(moduleOf({ max_running_sub_orders: "3" }))).status).toBe(201);
    expect(await readSettings(world.db)).toMatchObject({ download_gate: "Always", max_running_sub_orders: 3 });
    expect((await imported(moduleOf({ max_running_sub_orders: 4 }, true))).status).toBe(201);
    expect(await readSettings(world.db)).toMatchObject({ download_gate: "WhenFull", max_running_sub_orders: 4 });
  });

  test("206 with a report when some of it is wrong, and the rest is taken", async () => {
    const answer = await imported(
      moduleOf({ app_sub_order_duration: -1, unknown: 1, download_gate: "Never", max_file_bytes: "many" }),
    );
    expect([answer.status, await answer.json()]).toMatchObject([
      206,
      [
        {
          moduleInformation: { id: "order" },
          onlyErrors: false,
          importErrors: [
            "parameter [suborder creation] must be a valid positive number",
            "Cannot find setting 'unknown'",
            "Cannot set 'max_file_bytes': expected integer",
          ],
        },
      ],
    ]);
    expect(await readSettings(world.db)).toMatchObject({ download_gate: "Never", app_sub_order_duration: 2 });
  });

  const nothing: Record<string, [document: unknown, error: string]> = {
    "every item is wrong": [moduleOf({ colour: "red" }, true), "Cannot find setting 'colour'"],
    "an item has no name": [
      { modules: [{ module: { id: "order" }, configuration: [{ key: "any", value: {} }] }] },
      "configuration[0].value.name: expected a name",
    ],
    "it is of another service": [
      { modules: [{ module: { id: "storage" }, configuration: [] }] },
      "Cannot import: no module 'order' in the configuration",
    ],
    "it is something else": [[1], "Cannot import: no module 'order' in the configuration"],
  };
  for (const [name, [document, error]] of Object.entries(nothing)) {
    test(`409 with a report when ${name}, and nothing is changed, not even reset`, async () => {
      await writeSetting(world.db, "download_gate", "Always");
      const before = await readSettings(world.db);
      const answer = await imported(document);
      expect([answer.status, await answer.json()]).toMatchObject([409, [{ importErrors: [error], onlyErrors: true }]]);
      expect(await readSettings(world.db)).toEqual(before);
    });
  }

  test("400 for a file that is not JSON, 415 for no form, 403 below PROJECT_ADMIN", async () => {
    expect((await imported("{")).status).toBe(400);
    expect((await world.call(`POST ${ROUTE}`, { as: null, headers, body: {} })).status).toBe(415);
    for (const method of ["GET", "POST"]) {
      expect((await world.call(`${method} ${ROUTE}`, { as: ADMIN })).status).toBe(403);
    }
    expect((await world.call(`GET ${ROUTE}/enabled`, { as: null, headers })).status).toBe(200);
  });
});
