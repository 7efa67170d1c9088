import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { decodeJwt, SignJWT, UnsecuredJWT } from "jose";
import { writeSetting } from "#store/settings.ts";
import { removeUser, upsertUser } from "#store/users.ts";
import {
  ADA,
  ADMIN,
  type ApiWorld,
  apiWorld,
  PASSWORD,
  PREFIX,
  SECRET,
  withPassword,
} from "#test/support/api-world.ts";

let world: ApiWorld;
beforeAll(async () => {
  world = await apiWorld("api_auth");
  await withPassword(world.db, ADA);
});
afterAll(() => world.close());

const TOKEN = "POST //api/v1/rs-authentication/oauth/token";
const CLIENT = { authorization: `Basic ${btoa("client:secret")}` };
const LIST = "GET /user/orders";

async function listWith(authorization: string | undefined, query = "") {
  const headers = authorization === undefined ? {} : { authorization };
  const response = await world.call(LIST + query, { as: null, headers });
  const body = response.status === 200 ? {} : ((await response.json()) as { messages?: string[] });
  return { status: response.status, message: body.messages?.[0] ?? "" };
}

function sign(claims: Record<string, unknown>, o: { secret?: string; alg?: string; exp?: number } = {}) {
  const at = o.exp ?? world.clock.now.getTime() / 1000 + 600;
  return new SignJWT({ tenant: "default", role: "REGISTERED_USER", sub: ADA, email: ADA, ...claims })
    .setProtectedHeader({ alg: o.alg ?? "HS512" })
    .setExpirationTime(at)
    .sign(new TextEncoder().encode(o.secret ?? SECRET));
}

describe("the token endpoint", () => {
  const credentials = { username: ADA, password: PASSWORD, scope: "default", grant_type: "password" };
  const ways: Record<string, { path: string; body?: unknown; headers?: Record<string, string> }> = {
    "a JSON body": { path: "", body: credentials },
    "a JSON body without the client": { path: "", body: credentials, headers: {} },
    "a form": {
      path: "",
      body: new URLSearchParams(credentials).toString(),
      headers: { ...CLIENT, "content-type": "application/x-www-form-urlencoded" },
    },
    "the deprecated query parameters": { path: `?${new URLSearchParams(credentials)}` },
    "a body that wins over the query": { path: "?scope=other&password=wrong", body: credentials },
  };
  for (const [label, { path, body, headers }] of Object.entries(ways)) {
    test(`gives a token for ${label}`, async () => {
      const response = await world.call(TOKEN + path, { as: null, headers: headers ?? CLIENT, body });
      expect(response.status).toBe(200);
      const answer = (await response.json()) as Record<string, string>;
      expect(answer).toMatchObject({
        token_type: "bearer",
        expires_in: 7200,
        tenant: "default",
        scope: "default",
        role: "REGISTERED_USER",
        sub: ADA,
        email: ADA,
        service_provider_name: "regards",
      } as object);
      expect(decodeJwt(answer["access_token"] ?? "")).toMatchObject({
        tenant: "default",
        role: "REGISTERED_USER",
        sub: ADA,
        email: ADA,
        exp: world.clock.now.getTime() / 1000 + 7200,
      });
      expect((await listWith(`Bearer ${answer["access_token"]}`)).status).toBe(200);
    });
  }

  const refused: Record<string, { body: Record<string, string>; want: number }> = {
    "a wrong password": { body: { ...credentials, password: "wrong" }, want: 400 },
    "an unknown user": { body: { ...credentials, username: "nobody@example.org" }, want: 400 },
    "another tenant": { body: { ...credentials, scope: "other" }, want: 400 },
    "another grant": { body: { ...credentials, grant_type: "client_credentials" }, want: 400 },
  };
  for (const [label, { body, want }] of Object.entries(refused)) {
    test(`refuses ${label}`, async () => {
      expect((await world.call(TOKEN, { as: null, headers: CLIENT, body })).status).toBe(want);
    });
  }

  test("refuses another client", async () => {
    const headers = { authorization: `Basic ${btoa("client:other")}` };
    expect((await world.call(TOKEN, { as: null, headers, body: credentials })).status).toBe(401);
  });

  test("never logs a password or a token", async () => {
    await world.call(`${TOKEN}?password=${encodeURIComponent(PASSWORD)}`, {
      as: null,
      headers: CLIENT,
      body: credentials,
    });
    await listWith(undefined, `?token=${await sign({})}`);
    const log = world.logged.join("");
    expect(log).toContain("oauth/token");
    for (const secret of [PASSWORD, encodeURIComponent(PASSWORD), SECRET, "eyJ"]) expect(log).not.toContain(secret);
  });
});

describe("a bearer token", () => {
  test("is taken from the header or from ?token=", async () => {
    const token = await sign({});
    expect((await listWith(`Bearer ${token}`)).status).toBe(200);
    expect((await listWith(`bearer ${token}`)).status).toBe(200);
    expect((await listWith(undefined, `?token=${token}`)).status).toBe(200);
  });

  const INVALID = "[REGARDS JWT FILTER] Invalid authentication token on ";
  const cases: Record<string, { token: () => Promise<string> | string; says: string }> = {
    "that is expired": {
      token: () => sign({}, { exp: 1_000_000_000 }),
      says: "[REGARDS JWT FILTER] Expired authentication token on ",
    },
    "signed with another secret": { token: () => sign({}, { secret: "x".repeat(64) }), says: INVALID },
    "signed with another algorithm": { token: () => sign({}, { alg: "HS256" }), says: INVALID },
    "with alg none": {
      token: () => new UnsecuredJWT({ tenant: "default", role: "ADMIN", sub: ADMIN }).setExpirationTime("1h").encode(),
      says: INVALID,
    },
    "of another tenant": { token: () => sign({ tenant: "other" }), says: INVALID },
    "of no tenant": { token: () => sign({ tenant: undefined }), says: INVALID },
    "with a role that its user has not got": { token: () => sign({ role: "ADMIN" }), says: INVALID },
    "with a role that does not exist": { token: () => sign({ role: "SUPERUSER" }), says: INVALID },
    "whose claims were changed": {
      token: async () => {
        const [header, payload = "", signature] = (await sign({})).split(".");
        const claims = { ...JSON.parse(atob(payload)), role: "ADMIN", sub: ADMIN };
        return `${header}.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.${signature}`;
      },
      says: INVALID,
    },
    "of our own for a user that is not there": {
      token: () => sign({ sub: "nobody@example.org", iss: "regards-order" }),
      says: "[REGARDS JWT FILTER] Unknown or inactive user 'nobody@example.org'",
    },
    "of nobody": { token: () => sign({ sub: "" }), says: INVALID },
    "whose user has more than 128 characters": { token: () => sign({ sub: "a".repeat(129) }), says: INVALID },
    "that is none": { token: () => "garbage", says: INVALID },
  };
  for (const [label, { token, says }] of Object.entries(cases)) {
    test(`${label} is refused with 401`, async () => {
      const { status, message } = await listWith(`Bearer ${await token()}`);
      expect(status).toBe(401);
      expect(message).toStartWith(says);
    });
  }

  test("is good for 30 seconds more, because clocks differ", async () => {
    const at = world.clock.now.getTime() / 1000;
    expect((await listWith(`Bearer ${await sign({}, { exp: at - 29 })}`)).status).toBe(200);
    expect((await listWith(`Bearer ${await sign({}, { exp: at - 31 })}`)).status).toBe(401);
  });

  test("of a user that the platform knows and we do not is good, with its role and groups", async () => {
    await world.product({ name: "closed", dataset: "Closed", isPublic: false, groups: ["meteo"] });
    const order = async (claims: Record<string, unknown>) => {
      const headers = { authorization: `Bearer ${await sign({ sub: "dora@example.org", ...claims })}` };
      const body = { queries: ['productId:"closed"'] };
      return await world.call("POST /user/orders/apply", { as: null, headers, body });
    };
    expect((await order({ accessGroups: ["other"] })).status).toBe(422);
    const made = await order({ accessGroups: ["meteo"] });
    expect(made.status).toBe(201);
    const { orderId } = (await made.json()) as { orderId: number };
    expect(await world.row(orderId)).toMatchObject({
      owner: "dora@example.org",
      role: "REGISTERED_USER",
      groups: ["meteo"],
    });
    const headers = { authorization: `Bearer ${await sign({ sub: "eve@example.org", role: "EXPLOIT" })}` };
    expect((await world.call("POST /orders/search", { as: null, headers, body: {} })).status).toBe(200);
  });

  test("with a role of the platform's own is good once the tenant's settings say what it stands for", async () => {
    const bearer = `Bearer ${await sign({ sub: "fay@example.org", role: "CURATOR" })}`;
    expect((await listWith(bearer)).status).toBe(401);
    await writeSetting(world.db, "custom_roles", { CURATOR: "EXPLOIT" });
    const search = await world.call("POST /orders/search", { as: null, headers: { authorization: bearer }, body: {} });
    expect(search.status).toBe(200);
    await expect(writeSetting(world.db, "custom_roles", { CURATOR: "KING" })).rejects.toThrow(
      "Cannot set 'custom_roles'",
    );
  });

  test("is refused at once when its user is made inactive, lowered or removed", async () => {
    const email = "carol@example.org";
    const token = await world.token(email, "EXPLOIT");
    await upsertUser(world.db, { email, role: "EXPLOIT", groups: [], active: true });
    expect((await listWith(`Bearer ${token}`)).status).toBe(200);
    await upsertUser(world.db, { email, role: "EXPLOIT", groups: [], active: false });
    expect((await listWith(`Bearer ${token}`)).status).toBe(401);
    await upsertUser(world.db, { email, role: "REGISTERED_USER", groups: [], active: true });
    expect((await listWith(`Bearer ${token}`)).status).toBe(401);
    await removeUser(world.db, email);
    expect((await listWith(`Bearer ${token}`)).status).toBe(401);
  });
});

describe("without a token", () => {
  test("a tenant must be named", async () => {
    expect(await listWith(undefined)).toEqual({
      status: 401,
      message: `[REGARDS PUBLIC FILTER] Missing 'scope' header or param ${PREFIX}/user/orders@GET`,
    });
  });

  test("the tenant must be this one", async () => {
    expect(await listWith(undefined, "?scope=other")).toMatchObject({ status: 401 });
  });

  test("the public user is refused where a role is needed", async () => {
    expect(await listWith(undefined, "?scope=default")).toEqual({
      status: 403,
      message: "Access denied: role 'REGISTERED_USER' is needed, yours is 'PUBLIC'",
    });
  });

  test("another kind of authorization is refused", async () => {
    expect((await listWith("Basic abc")).status).toBe(401);
  });
});
