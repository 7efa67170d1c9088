import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { ROLES, type Role } from "#crds/files.ts";
import { resetRouteRole, writeRouteRole } from "#store/route-roles.ts";
import { upsertUser } from "#store/users.ts";
import { ADA, type ApiWorld, apiWorld } from "#test/support/api-world.ts";
import { OPERATIONS, type Operation } from "../operations.ts";

let world: ApiWorld;
beforeAll(async () => {
  world = await apiWorld("api_route_roles");
  for (const role of ROLES) await upsertUser(world.db, { email: emailOf(role), role, groups: [], active: true });
});
afterEach(async () => {
  await world.db`DELETE FROM route_roles`;
});
afterAll(() => world.close());

const emailOf = (role: Role) => `${role.toLowerCase()}@example.org`;
const BOSS: Role = "PROJECT_ADMIN";

async function as(role: Role, route: string, o: { body?: unknown; on?: ApiWorld["app"] } = {}): Promise<Response> {
  const headers = { authorization: `Bearer ${await world.token(emailOf(role), role)}` };
  return await (o.on ?? world.app).handle(await world.request(route, { as: null, headers, body: o.body }));
}

async function isDenied(role: Role, route: string, on?: ApiWorld["app"]): Promise<boolean> {
  const response = await as(role, route, { body: route.startsWith("P") ? {} : undefined, ...(on && { on }) });
  return response.status === 403 && (await response.text()).includes("Access denied: role");
}

const put = (operation: string, role: unknown, by: Role = BOSS) =>
  as(by, `PUT /security/resources/${operation}`, { body: { role } });

type Resource = { operation: string; role: string; defaultRole: string; rolesToChoose: string[] };

async function resources(): Promise<Resource[]> {
  return (await (await as(BOSS, "GET /security/resources")).json()) as Resource[];
}

describe("every route", () => {
  for (const [id, operation] of Object.entries(OPERATIONS as Record<string, Operation>)) {
    const { access, at } = operation;
    if (access === "ANYONE" || access === "PUBLIC") continue;
    test(`${id} is open from ${access} on and to nobody below`, async () => {
      const path = operation.path.replaceAll(/:\w+/g, "999999");
      const route = `${operation.method} ${at === "root" ? "/" : ""}${path}`;
      const below = ROLES[ROLES.indexOf(access) - 1] ?? "PUBLIC";
      expect((await as(below, route)).status).toBe(403);
      expect(await isDenied(access, route)).toBe(false);
    });
  }

  test("has a floor that is not above its role", () => {
    for (const operation of Object.values(OPERATIONS as Record<string, Operation>)) {
      if (operation.floor === undefined || operation.access === "ANYONE") continue;
      expect(ROLES.indexOf(operation.floor)).toBeLessThan(ROLES.indexOf(operation.access));
    }
  });
});

describe("G4 security resources", () => {
  test("lists every route of the service with its role", async () => {
    const listed = await resources();
    const declared = Object.values(OPERATIONS as Record<string, Operation>).filter(({ at }) => at !== "root");
    expect(listed).toHaveLength(declared.length);
    expect(listed).toContainEqual({
      microservice: "rs-order",
      resource: "/user/orders/remove/{orderId}",
      verb: "DELETE",
      operation: "removeOrder",
      role: "ADMIN",
      defaultRole: "ADMIN",
      rolesToChoose: ["REGISTERED_USER", "EXPLOIT", "ADMIN", "PROJECT_ADMIN"],
      description: "Forget a deleted order for good",
    } as never);
  });
});

describe("the role of a route", () => {
  test("is raised and put back, at once and on every server, and the answer and G4 say so", async () => {
    const other = world.restarted();
    const raised = await put("listOrders", "EXPLOIT");
    expect([raised.status, await raised.json()]).toEqual([
      200,
      expect.objectContaining({ operation: "listOrders", role: "EXPLOIT", defaultRole: "REGISTERED_USER" }),
    ]);
    for (const app of [world.app, other]) {
      expect(await isDenied("REGISTERED_USER", "GET /user/orders", app)).toBe(true);
      expect(await isDenied("EXPLOIT", "GET /user/orders", app)).toBe(false);
    }
    expect((await resources()).find(({ operation }) => operation === "listOrders")?.role).toBe("EXPLOIT");
    expect((await as(BOSS, "DELETE /security/resources/listOrders")).status).toBe(200);
    expect(await isDenied("REGISTERED_USER", "GET /user/orders", other)).toBe(false);
  });

  test("is lowered as far as its floor: a user may then remove a deleted order of their own, and nobody else's", async () => {
    const own = await world.order([], { status: "DELETED", owner: emailOf("REGISTERED_USER") });
    const foreign = await world.order([], { status: "DELETED", owner: ADA });
    expect(await isDenied("REGISTERED_USER", `DELETE /user/orders/remove/${own.id}`)).toBe(true);
    expect((await put("removeOrder", "REGISTERED_USER")).status).toBe(200);
    expect((await as("REGISTERED_USER", `DELETE /user/orders/remove/${foreign.id}`)).status).toBe(401);
    expect((await as("REGISTERED_USER", `DELETE /user/orders/remove/${own.id}`)).status).toBe(200);
  });

  test("decides on links too", async () => {
    const { id } = await world.order([{ name: "a", content: "a" }], { owner: emailOf("EXPLOIT") });
    const rels = async () => {
      const response = await as("EXPLOIT", `GET /user/orders/${id}`);
      return ((await response.json()) as { links: { rel: string }[] }).links.map(({ rel }) => rel);
    };
    expect(await rels()).toEqual(["self", "list", "download", "pause", "cancel"]);
    await put("pauseOrder", "ADMIN");
    await put("downloadOrder", "ADMIN");
    expect(await rels()).toEqual(["self", "list", "cancel"]);
  });

  test("of a public route can be raised: strangers are refused then", async () => {
    const route = "GET /user/orders/metalink/download?orderToken=x&scope=default";
    expect((await world.call(route, { as: null })).status).toBe(401);
    await put("publicMetalink", "REGISTERED_USER");
    expect((await world.call(route, { as: null })).status).toBe(403);
  });

  const refused: Record<string, [operation: string, role: unknown, says: string]> = {
    "below the floor": ["searchAllOrders", "REGISTERED_USER", "role: expected one of EXPLOIT, ADMIN, PROJECT_ADMIN"],
    "of an administrator's route for less": ["updateSetting", "EXPLOIT", "role: expected one of ADMIN, PROJECT_ADMIN"],
    "of the rights themselves": ["updateRouteRole", "ADMIN", "role: expected one of PROJECT_ADMIN"],
    "above every administrator of the tenant": [
      "listOrders",
      "INSTANCE_ADMIN",
      "role: expected one of REGISTERED_USER,",
    ],
    "of the instance's": ["shutdown", "PROJECT_ADMIN", "role: this route's cannot be changed"],
    "that is none": ["listOrders", "KING", "role: expected one of"],
    "that is no text": ["listOrders", 5, "role: expected one of"],
    "without one": ["listOrders", undefined, "role: expected one of"],
  };
  for (const [label, [operation, role, says]] of Object.entries(refused)) {
    test(`${label} is refused with 422, and nothing changes`, async () => {
      const response = await put(operation, role);
      expect(response.status).toBe(422);
      expect(((await response.json()) as { messages: string[] }).messages[0]).toStartWith(says);
      expect((await resources()).every((r) => r.role === r.defaultRole)).toBe(true);
    });
  }

  test("404 for a route that is none, 403 below PROJECT_ADMIN", async () => {
    expect((await put("nothing", "ADMIN")).status).toBe(404);
    expect((await put("constructor", "ADMIN")).status).toBe(404);
    expect((await put("issueToken", "ADMIN")).status).toBe(404);
    expect((await put("listOrders", "ADMIN", "ADMIN")).status).toBe(403);
  });

  test("that is stored but may not be is as if it were not stored", async () => {
    await writeRouteRole(world.db, "searchAllOrders", "PUBLIC");
    await writeRouteRole(world.db, "listOrders", "INSTANCE_ADMIN");
    await writeRouteRole(world.db, "gone", "ADMIN");
    expect(await isDenied("REGISTERED_USER", "POST /orders/search")).toBe(true);
    expect(await isDenied("REGISTERED_USER", "GET /user/orders")).toBe(false);
    await resetRouteRole(world.db, "gone");
    expect((await resources()).every((r) => r.role === r.defaultRole)).toBe(true);
  });
});
