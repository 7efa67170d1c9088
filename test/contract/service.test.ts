/** The contract's settings S1 to S3 and what every service of the platform answers, G1 to G6 (rs-order.md §1.4), against the served program. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { type ServedWorld, servedWorld, type UserName } from "#test/support/served-world.ts";

let world: ServedWorld;
beforeAll(async () => {
  world = await servedWorld("contract_service");
}, 60_000);
afterAll(() => world.close());

const SETTING = "expiration_max_duration_in_hours";

async function statusOf(route: string, as: UserName): Promise<number> {
  return (await world.call(route, { as })).status;
}

test("S1 GET /settings: those that are named, with their defaults; 403 below ADMIN", async () => {
  const response = await world.call(`GET /settings?names=${SETTING}`, { as: "admin" });
  expect(await response.json()).toMatchObject([{ content: { name: SETTING, defaultValue: 168, value: 168 } }]);
  expect(await statusOf("GET /settings", "exploiter")).toBe(403);
});

test("S2 PUT /settings/{name}: changed for orders to come; 422 with the contract's text; 404", async () => {
  const put = (name: string, value: unknown) => world.call(`PUT /settings/${name}`, { as: "admin", body: { value } });
  expect((await put(SETTING, 24)).status).toBe(200);
  const id = await world.ended(["A1"]);
  const { expirationDate } = await world.orderAt(id, "DONE");
  expect(Date.parse(expirationDate ?? "") - Date.now()).toBeLessThan(25 * 3_600_000);
  const wrong = await put(SETTING, 0);
  expect([wrong.status, await wrong.json()]).toEqual([
    422,
    { messages: ["parameter [expiration max duration] must be a valid positive number."] },
  ]);
  expect((await put("colour", 1)).status).toBe(404);
}, 30_000);

test("S3 DELETE /settings/{name}: back to the default", async () => {
  const response = await world.call(`DELETE /settings/${SETTING}`, { as: "admin" });
  expect([response.status, await response.json()]).toMatchObject([200, { content: { value: 168 } }]);
});

test("G1 GET /microservice/configuration: every setting in the contract's form", async () => {
  const response = await world.call("GET /microservice/configuration", { as: "chief" });
  const document = (await response.json()) as { microservice: string; modules: { configuration: object[] }[] };
  expect([response.status, document.microservice]).toEqual([200, "rs-order"]);
  expect(document.modules[0]?.configuration).toContainEqual(
    expect.objectContaining({ value: expect.objectContaining({ name: SETTING, value: "168" }) }),
  );
});

test("G1 POST /microservice/configuration: 201 when all is taken, 206 when some, 409 when nothing", async () => {
  const post = (values: Record<string, unknown>) => {
    const configuration = Object.entries(values).map(([name, value]) => ({ key: "setting", value: { name, value } }));
    const body = new FormData();
    const document = { microservice: "rs-order", modules: [{ module: { id: "order" }, configuration }] };
    body.append("file", new Blob([JSON.stringify(document)]), "config-rs-order.json");
    return world.call("POST /microservice/configuration", { as: "chief", body });
  };
  expect((await post({ [SETTING]: "48" })).status).toBe(201);
  expect((await post({ [SETTING]: "72", colour: "red" })).status).toBe(206);
  expect((await post({ [SETTING]: "0" })).status).toBe(409);
  const [setting] = (await (await world.call(`GET /settings?names=${SETTING}`, { as: "admin" })).json()) as object[];
  expect(setting).toMatchObject({ content: { value: 72 } });
});

test("G1 GET /microservice/configuration/enabled: yes", async () => {
  expect(await statusOf("GET /microservice/configuration/enabled", "chief")).toBe(200);
});

test("G2 GET /microservice/ready: whether it can work, and that it tells; a restart is not asked for here", async () => {
  const response = await world.call("GET /microservice/ready", { as: "chief" });
  expect([response.status, await response.json()]).toEqual([200, { ready: true, reasons: [] }]);
  expect(await statusOf("GET /microservice/ready/enabled", "chief")).toBe(200);
  expect(await statusOf("GET /microservice/restart", "chief")).toBe(501);
  expect(await statusOf("GET /microservice/restart/enabled", "chief")).toBe(501);
});

test("G3 /maintenance: 515 for changes while it lasts, reading goes on, also over a kill -9", async () => {
  expect(
    (await world.call("PUT /maintenance/default/enable", { as: "chief", body: { message: "soon back" } })).status,
  ).toBe(200);
  await world.killedAndStarted();
  const apply = await world.call("POST /user/orders/apply", { body: {} });
  expect([apply.status, await apply.json()]).toEqual([
    515,
    { messages: ["Tenant default in maintenance!", "soon back"] },
  ]);
  expect(await statusOf("GET /user/orders", "ada")).toBe(200);
  expect(await (await world.call("GET /maintenance", { as: "chief" })).json()).toMatchObject({
    content: { default: { active: true } },
  });
  expect(await statusOf("PUT /maintenance/default/disable", "chief")).toBe(200);
  expect(await world.apply(["A1"])).toBeGreaterThan(0);
}, 30_000);

test("G4 GET /security/resources: every route with its role", async () => {
  const listed = (await (await world.call("GET /security/resources", { as: "chief" })).json()) as object[];
  expect(listed).toContainEqual(
    expect.objectContaining({ verb: "POST", resource: "/user/orders/apply", defaultRole: "REGISTERED_USER" }),
  );
});

test("G5 /regards/{tenant}/datasource: not enabled, its schema is the operator's own", async () => {
  expect(await statusOf("GET /regards/default/datasource/status", "ada")).toBe(501);
  expect(await statusOf("GET /regards/default/datasource/test", "admin")).toBe(501);
});

test("G6 POST /shutdown/immediate: not enabled, and not for everybody to ask for", async () => {
  expect(await statusOf("POST /shutdown/immediate", "root")).toBe(501);
  expect(await statusOf("POST /shutdown/immediate", "chief")).toBe(403);
});
