import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { exportSPKI, generateKeyPair, importJWK, SignJWT, UnsecuredJWT } from "jose";
import type { Role } from "#crds/files.ts";
import { removeUser, upsertUser } from "#store/users.ts";
import { ADA, type ApiWorld, apiWorld, SECRET } from "#test/support/api-world.ts";
import { type OidcIssuer, oidcIssuer } from "#test/support/oidc-issuer.ts";
import { readIssuers } from "./issuers.ts";

const EMAIL = "ines@example.org";
const MINUTE_MS = 60_000;

let world: ApiWorld;
let first: OidcIssuer;
let second: OidcIssuer;
let app: ReturnType<ApiWorld["restarted"]>;

beforeAll(async () => {
  world = await apiWorld("api_oidc");
  first = await oidcIssuer();
  second = await oidcIssuer();
  await first.addKey("one", "RS256");
  await second.addKey("eins", "ES256");
});
afterAll(async () => {
  await first.leave();
  await second.leave();
  await world.close();
});
/** A server that has seen no key yet. */
beforeEach(() => {
  first.state.mode = "up";
  app = world.restarted({ issuers: readIssuers(JSON.stringify(configuration())) });
});

function configuration() {
  return [
    { issuer: first.issuer, audience: "orders" },
    {
      issuer: second.issuer,
      audience: "archive",
      algorithms: ["ES256"],
      tenant: "default",
      claims: { email: "https://example.org/mail", role: "realm_access.roles", groups: "teams" },
      roles: { "order-admins": "ADMIN", operators: "EXPLOIT" },
    },
  ];
}

type Signing = { claims?: Record<string, unknown>; expires?: Date };

function token({ claims = {}, expires }: Signing = {}): Promise<string> {
  return first.sign(
    { iss: first.issuer, aud: "orders", sub: "4711", email: EMAIL, tenant: "default", ...claims },
    { expires: expires ?? new Date(world.clock.now.getTime() + MINUTE_MS) },
  );
}

function otherToken(claims: Record<string, unknown> = {}): Promise<string> {
  const own = { iss: second.issuer, aud: ["archive", "more"], sub: "x", "https://example.org/mail": EMAIL };
  return second.sign({ ...own, ...claims }, { expires: new Date(world.clock.now.getTime() + MINUTE_MS) });
}

async function ask(bearer: string, o: { route?: string; body?: unknown; on?: typeof app } = {}) {
  const headers = { authorization: `Bearer ${bearer}` };
  const request = await world.request(o.route ?? "GET /user/orders", { as: null, headers, body: o.body });
  const response = await (o.on ?? app).handle(request);
  const body = (await response.json().catch(() => ({}))) as { messages?: string[]; orderId?: number };
  return { status: response.status, message: body.messages?.[0] ?? "", orderId: body.orderId ?? 0, response };
}

describe("a token of an issuer", () => {
  test("is good, with the least role unless it names one", async () => {
    expect(await ask(await token())).toMatchObject({ status: 200 });
    expect(await ask(await token(), { route: "POST /orders/search", body: {} })).toMatchObject({ status: 403 });
    const exploit = await token({ claims: { role: "EXPLOIT" } });
    expect(await ask(exploit, { route: "POST /orders/search", body: {} })).toMatchObject({ status: 200 });
    expect(await ask("", { route: `GET /user/orders?token=${await token()}` })).toMatchObject({ status: 401 });
    const request = await world.request(`GET /user/orders?token=${await token()}`, { as: null });
    expect((await app.handle(request)).status).toBe(200);
  });

  test("is read by the issuer's own names of claims and roles; the highest role counts", async () => {
    const search = { route: "POST /orders/search", body: {} };
    expect(await ask(await otherToken(), search)).toMatchObject({ status: 403 });
    const operator = await otherToken({ realm_access: { roles: ["other", "operators"] } });
    expect(await ask(operator, search)).toMatchObject({ status: 200 });
    expect(await ask(operator, { route: "GET /settings" })).toMatchObject({ status: 403 });
    const admin = await otherToken({ realm_access: { roles: ["operators", "order-admins"] } });
    expect(await ask(admin, { route: "GET /settings" })).toMatchObject({ status: 200 });
  });

  test("opens the datasets of its groups, also when the order is searched later", async () => {
    await world.product({ name: "closed", dataset: "Closed", isPublic: false, groups: ["meteo"] });
    const route = "POST /user/orders/apply";
    const body = { queries: ['productId:"closed"'] };
    expect(await ask(await otherToken(), { route, body })).toMatchObject({ status: 422 });
    const made = await ask(await otherToken({ teams: ["meteo"] }), { route, body });
    expect(made.status).toBe(201);
    expect(await world.row(made.orderId)).toMatchObject({ owner: EMAIL, groups: ["meteo"] });
  });

  test("gives a user of ours the role of the row where it names none, and never more", async () => {
    const user = (role: Role, active = true) => upsertUser(world.db, { email: EMAIL, role, groups: [], active });
    try {
      await user("ADMIN");
      expect(await ask(await token(), { route: "GET /settings" })).toMatchObject({ status: 200 });
      await user("REGISTERED_USER");
      expect(await ask(await token({ claims: { role: "ADMIN" } }))).toMatchObject({ status: 401 });
      await user("REGISTERED_USER", false);
      expect((await ask(await token())).message).toStartWith("[REGARDS JWT FILTER] Unknown or inactive user");
    } finally {
      await removeUser(world.db, EMAIL);
    }
  });

  test("is good for 30 seconds more, and 30 seconds too early, because clocks differ", async () => {
    const at = (seconds: number) => new Date(world.clock.now.getTime() + seconds * 1000);
    expect(await ask(await token({ expires: at(-29) }))).toMatchObject({ status: 200 });
    const expired = await ask(await token({ expires: at(-31) }));
    expect(expired).toMatchObject({ status: 401 });
    expect(expired.message).toStartWith("[REGARDS JWT FILTER] Expired authentication token");
    const nbf = (seconds: number) => token({ claims: { nbf: at(seconds).getTime() / 1000 } });
    expect(await ask(await nbf(29))).toMatchObject({ status: 200 });
    expect(await ask(await nbf(31))).toMatchObject({ status: 401 });
  });

  const refused: Record<string, () => Promise<string> | string> = {
    "for another audience": () => token({ claims: { aud: "other" } }),
    "for no audience": () => token({ claims: { aud: undefined } }),
    "of another tenant": () => token({ claims: { tenant: "other" } }),
    "of no tenant": () => token({ claims: { tenant: undefined } }),
    "without an address": () => token({ claims: { email: undefined } }),
    "whose address is not verified": () => token({ claims: { email_verified: false } }),
    "of an issuer that nobody named": () => token({ claims: { iss: "https://elsewhere.example.org" } }),
    "signed with another issuer's key": async () =>
      second.sign(
        { iss: first.issuer, aud: "orders", email: EMAIL, tenant: "default" },
        { expires: new Date(world.clock.now.getTime() + MINUTE_MS) },
      ),
    "with alg none": () =>
      new UnsecuredJWT({ iss: first.issuer, aud: "orders", email: EMAIL, tenant: "default" })
        .setExpirationTime("1h")
        .encode(),
    "signed with the public key as a shared secret": () => confused("HS256"),
    "signed so with the algorithm of the platform": () => confused("HS512"),
    "signed with the platform's secret": () => symmetric(SECRET, "HS512"),
    "of an algorithm that its issuer is not allowed": async () => {
      const { privateKey } = await generateKeyPair("RS256");
      return new SignJWT({ iss: second.issuer, aud: "archive", "https://example.org/mail": EMAIL })
        .setProtectedHeader({ alg: "RS256", kid: "eins" })
        .setExpirationTime("1h")
        .sign(privateKey);
    },
  };
  for (const [label, make] of Object.entries(refused)) {
    test(`${label} is refused with 401`, async () => {
      const { status, message } = await ask(await make());
      expect(status).toBe(401);
      expect(message).toStartWith("[REGARDS JWT FILTER] Invalid authentication token on ");
    });
  }

  async function confused(alg: string): Promise<string> {
    const key = await importJWK(first.state.signers[0]?.jwk ?? {}, "RS256", { extractable: true });
    return symmetric(await exportSPKI(key as CryptoKey), alg);
  }

  function symmetric(secret: string, alg: string): Promise<string> {
    return new SignJWT({ iss: first.issuer, aud: "orders", email: EMAIL, tenant: "default", sub: EMAIL, role: "ADMIN" })
      .setProtectedHeader({ alg, kid: "one" })
      .setExpirationTime(new Date(world.clock.now.getTime() + MINUTE_MS))
      .sign(new TextEncoder().encode(secret));
  }
});

describe("the keys of an issuer", () => {
  const asked = () => first.state.asked.filter((path) => path === "/keys").length;
  const later = (ms: number) => {
    world.clock.now = new Date(world.clock.now.getTime() + ms);
  };

  test("are fetched once for many tokens at once", async () => {
    const before = asked();
    const tokens = await Promise.all(Array.from({ length: 20 }, () => token()));
    const answers = await Promise.all(tokens.map((one) => ask(one)));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
    expect(asked() - before).toBe(1);
  });

  test("are fetched again for a key that is new, but not oftener than every ten seconds", async () => {
    await ask(await token());
    await first.addKey("two", "RS256");
    const before = asked();
    const rotated = await token();
    expect(await ask(rotated)).toMatchObject({ status: 401 });
    expect(asked() - before).toBe(0);
    later(10_000);
    expect(await ask(rotated)).toMatchObject({ status: 200 });
    const stranger = await oidcIssuer();
    await stranger.addKey("unknown", "RS256");
    for (let i = 0; i < 10; i++) {
      const forged = await stranger.sign(
        { iss: first.issuer, aud: "orders", email: EMAIL, tenant: "default" },
        { expires: new Date(world.clock.now.getTime() + MINUTE_MS) },
      );
      expect(await ask(forged)).toMatchObject({ status: 401 });
    }
    expect(asked() - before).toBe(1);
    await stranger.leave();
  });

  test("that the issuer has taken back are refused once they were looked at again", async () => {
    const old = await token({ expires: new Date(world.clock.now.getTime() + 60 * MINUTE_MS) });
    expect(await ask(old)).toMatchObject({ status: 200 });
    await first.addKey("three", "RS256", { alone: true });
    later(10 * MINUTE_MS);
    expect(await ask(await token())).toMatchObject({ status: 200 });
    expect(await ask(old)).toMatchObject({ status: 401 });
  });

  test("that were had stay good for a day while the issuer is away; without any it is 503, and the rest goes on", async () => {
    expect(await ask(await token())).toMatchObject({ status: 200 });
    const fresh = world.restarted({ issuers: readIssuers(JSON.stringify(configuration())) });
    await first.leave();
    try {
      const away = await ask(await token(), { on: fresh });
      expect(away).toMatchObject({
        status: 503,
        message: `Cannot check the token: its issuer '${first.issuer}' gives no keys now`,
      });
      expect(away.response.headers.get("retry-after")).toBe("10");
      expect(await ask(await otherToken(), { on: fresh })).toMatchObject({ status: 200 });
      expect(await ask(await world.token(ADA), { on: fresh })).toMatchObject({ status: 200 });
      later(23 * 60 * MINUTE_MS);
      expect(await ask(await token())).toMatchObject({ status: 200 });
      later(2 * 60 * MINUTE_MS);
      expect(await ask(await token())).toMatchObject({ status: 503 });
    } finally {
      first.comeBack();
    }
    later(10_000);
    expect(await ask(await token(), { on: fresh })).toMatchObject({ status: 200 });
    expect(await ask(await token())).toMatchObject({ status: 200 });
  });

  for (const mode of ["broken", "impostor"] as const) {
    test(`are none where its discovery document is ${mode}`, async () => {
      first.state.mode = mode;
      expect(await ask(await token())).toMatchObject({ status: 503 });
    });
  }
});

describe("readIssuers()", () => {
  const refused: Record<string, [json: string, message: string]> = {
    "no JSON": ["https://a.example.org", "expected a JSON list such as"],
    "no list": ['{"issuer":"https://a.example.org"}', "expected array"],
    "no audience": ['[{"issuer":"https://a.example.org"}]', "0/audience: "],
    "a misspelt field": [
      '[{"issuer":"https://a.example.org","audience":"a","algoritms":["ES256"]}]',
      "0/algoritms: unexpected property",
    ],
    "a shared secret's algorithm": [
      '[{"issuer":"https://a.example.org","audience":"a","algorithms":["HS256"]}]',
      "0/algorithms/0: ",
    ],
    "a role that is none": ['[{"issuer":"https://a.example.org","audience":"a","roles":{"x":"KING"}}]', "0/roles/x: "],
    "a line on which others write": ['[{"issuer":"http://a.example.org","audience":"a"}]', "expected an https URL"],
    "an issuer twice": [
      '[{"issuer":"https://a.example.org","audience":"a"},{"issuer":"https://a.example.org","audience":"b"}]',
      "is there twice",
    ],
  };
  for (const [label, [json, message]] of Object.entries(refused)) {
    test(`refuses ${label}`, () => {
      expect(() => readIssuers(json)).toThrow(message);
    });
  }

  test("is empty where nothing is configured", () => {
    expect(readIssuers(undefined)).toEqual([]);
    expect(readIssuers("")).toEqual([]);
  });
});
