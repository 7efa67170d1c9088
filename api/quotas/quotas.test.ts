/** The quota endpoints of the contract's storage service (rs-order.md §6.6). */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { Role } from "#crds/files.ts";
import { writeSetting } from "#store/settings.ts";
import { upsertUser } from "#store/users.ts";
import { ADA, type ApiWorld, apiWorld, BOB } from "#test/support/api-world.ts";

let world: ApiWorld;
beforeAll(async () => {
  world = await apiWorld("api_quotas");
});
afterAll(() => world.close());
beforeEach(async () => {
  await world.db`TRUNCATE quotas, counted_files, downloads, settings`;
});

const QUOTA = "//api/v1/rs-storage/quota";

async function call(route: string, role: Role | null, body?: unknown, email = `${role}@example.org`.toLowerCase()) {
  if (role !== null) await upsertUser(world.db, { email, role, groups: [], active: true });
  const headers: Record<string, string> =
    role === null ? { scope: "default" } : { authorization: `Bearer ${await world.token(email, role)}` };
  const response = await world.call(route, { as: null, headers, ...(body !== undefined && { body }) });
  return [response.status, await response.json()] as const;
}

const put = (body: unknown, email: string = ADA) => call(`PUT ${QUOTA}/${email}`, "PROJECT_ADMIN", body);

describe("PUT /quota/{user_email}", () => {
  test("gives limits, and gives the tenant's back for what is absent or null", async () => {
    expect(await put({ email: ADA, maxQuota: 5, rateLimit: 2 })).toEqual([
      200,
      { email: ADA, maxQuota: 5, rateLimit: 2 },
    ]);
    expect(await call(`GET ${QUOTA}/${ADA}`, "PROJECT_ADMIN")).toEqual([
      200,
      { email: ADA, maxQuota: 5, rateLimit: 2 },
    ]);
    await writeSetting(world.db, "rateLimit", 9);
    expect(await put({ maxQuota: 0 })).toEqual([200, { email: ADA, maxQuota: 0, rateLimit: 9 }]);
    expect(await put({ maxQuota: null, rateLimit: -1 })).toEqual([200, { email: ADA, maxQuota: -1, rateLimit: -1 }]);
  });

  test("takes an address whatever it is written in, and tells of users it does not know", async () => {
    const written = encodeURIComponent("jürgen+1@example.org");
    expect((await put({ maxQuota: 1 }, written))[1]).toMatchObject({ email: "jürgen+1@example.org", maxQuota: 1 });
    expect(await call(`GET ${QUOTA}/nobody@example.org`, "PROJECT_ADMIN")).toEqual([
      200,
      { email: "nobody@example.org", maxQuota: -1, rateLimit: -1 },
    ]);
  });

  const wrong: Record<string, { body: unknown; email?: string; want: string }> = {
    "a limit below -1": { body: { maxQuota: -2 }, want: "maxQuota" },
    "a limit that is text": { body: { rateLimit: "2" }, want: "rateLimit" },
    "half a file": { body: { maxQuota: 1.5 }, want: "maxQuota" },
    "another address than in the path": { body: { email: BOB, maxQuota: 1 }, want: `email: expected '${ADA}'` },
    "a list": { body: [], want: "body: expected a JSON object" },
    "an address of two lines": { body: {}, email: "a%0Ab@example.org", want: "userEmail: expected" },
    "an address that is too long": { body: {}, email: "a".repeat(129), want: "userEmail: expected" },
  };
  for (const [name, { body, email, want }] of Object.entries(wrong)) {
    test(`refuses ${name}`, async () => {
      const [status, answer] = await put(body, email);
      expect([status, (answer as { messages: string[] }).messages[0]]).toEqual([422, expect.stringContaining(want)]);
      expect(await world.db`SELECT FROM quotas`).toHaveLength(0);
    });
  }
});

describe("consumption", () => {
  test("of the caller, of a user, of several", async () => {
    await put({ maxQuota: 5, rateLimit: 2 });
    const { files } = await world.order([
      { name: "a", content: "a" },
      { name: "b", content: "b" },
    ]);
    await (await world.call(`GET /orders/files/${files[0]}`)).text();
    const open = await world.call(`GET /orders/files/${files[1]}`);
    const ada = { email: ADA, maxQuota: 5, rateLimit: 2, currentQuota: 2, currentRate: 1 };
    const bob = { email: BOB, maxQuota: -1, rateLimit: -1, currentQuota: 0, currentRate: 0 };
    expect(await call(`GET ${QUOTA}/current`, "REGISTERED_USER", undefined, ADA)).toEqual([200, ada]);
    expect(await call(`GET ${QUOTA}`, "REGISTERED_USER", undefined, ADA)).toEqual([
      200,
      { email: ADA, maxQuota: 5, rateLimit: 2 },
    ]);
    expect(await call(`GET ${QUOTA}/current/${ADA}`, "PROJECT_ADMIN")).toEqual([200, ada]);
    expect(await call(`POST ${QUOTA}/currents`, "ADMIN", [BOB, ADA])).toEqual([200, [bob, ada]]);
    const limits = [ADA, BOB].map((email) => ({
      email,
      maxQuota: email === ADA ? 5 : -1,
      rateLimit: email === ADA ? 2 : -1,
    }));
    expect(await call(`GET ${QUOTA}s?user_email=${ADA}&user_email=${BOB}`, "PROJECT_ADMIN")).toEqual([200, limits]);
    expect(await call(`GET ${QUOTA}s?user_email=${ADA},${BOB}`, "PROJECT_ADMIN")).toEqual([200, limits]);
    await open.text();
    expect(await call(`GET ${QUOTA}/current/${ADA}`, "PROJECT_ADMIN")).toEqual([200, { ...ada, currentRate: 0 }]);
  });

  test("of nobody in particular: who has no token", async () => {
    expect(await call(`GET ${QUOTA}/current`, null)).toEqual([
      200,
      { email: "public@regards.com", maxQuota: -1, rateLimit: -1, currentQuota: 0, currentRate: 0 },
    ]);
  });

  test("422 for no addresses, or what is none", async () => {
    expect(await call(`GET ${QUOTA}s`, "PROJECT_ADMIN")).toEqual([
      422,
      { messages: ["user_email: expected at least one e-mail address"] },
    ]);
    const bodies = [[], ["a b"], { emails: [ADA] }, Array.from({ length: 2001 }, (_, i) => `u${i}`)];
    for (const body of bodies) {
      const [status, answer] = await call(`POST ${QUOTA}/currents`, "ADMIN", body);
      expect([status, (answer as { messages: string[] }).messages[0]]).toEqual([422, expect.stringMatching(/^body/)]);
    }
  });
});

test("defaults are the tenant's settings, as a pair and as the bare number", async () => {
  expect(await call(`GET ${QUOTA}/defaults`, "ADMIN")).toEqual([200, { maxQuota: -1, rateLimit: -1 }]);
  await writeSetting(world.db, "maxQuota", 100);
  expect(await call(`GET ${QUOTA}/max`, "ADMIN")).toEqual([200, 100]);
  expect(await call(`GET ${QUOTA}/defaults`, "ADMIN")).toEqual([200, { maxQuota: 100, rateLimit: -1 }]);
});

test("roles: an administrator of the project changes limits and sees those of others, ADMIN lists consumption", async () => {
  const statuses = await Promise.all([
    call(`PUT ${QUOTA}/${ADA}`, "ADMIN", { maxQuota: 1 }),
    call(`GET ${QUOTA}/${ADA}`, "ADMIN"),
    call(`GET ${QUOTA}/current/${ADA}`, "ADMIN"),
    call(`GET ${QUOTA}s?user_email=${ADA}`, "ADMIN"),
    call(`POST ${QUOTA}/currents`, "EXPLOIT", [ADA]),
    call(`GET ${QUOTA}/max`, "EXPLOIT"),
  ]);
  expect(statuses.map(([status]) => status)).toEqual([403, 403, 403, 403, 403, 403]);
});
