import { afterAll, expect, test } from "bun:test";
import { testStore } from "#test/support/store.ts";
import { checkPassword, findUser, listUsers, removeUser, setPassword, upsertUser } from "./users.ts";

const { db, drop } = await testStore("users");
afterAll(() => drop());

const ADA = {
  email: "ada@example.org",
  role: "EXPLOIT",
  groups: ['a group, with {odd} "name"'],
  active: true,
} as const;

test("upsertUser() makes and changes a user, and leaves the password", async () => {
  await upsertUser(db, ADA);
  expect(await findUser(db, ADA.email)).toEqual(ADA);
  await setPassword(db, ADA.email, "secret");
  await upsertUser(db, { ...ADA, role: "ADMIN", groups: [] });
  expect(await findUser(db, ADA.email)).toEqual({
    ...ADA,
    role: "ADMIN",
    groups: [],
    passwordHash: expect.any(String),
  });
  expect((await listUsers(db)).map((user) => user.email)).toEqual([ADA.email]);
});

test("setPassword() keeps an argon2id hash only", async () => {
  await upsertUser(db, ADA);
  expect(await setPassword(db, ADA.email, "correct horse")).toBe(true);
  expect((await findUser(db, ADA.email))?.passwordHash).toStartWith("$argon2id$");
  expect(await setPassword(db, "nobody@example.org", "x")).toBe(false);
});

test("checkPassword() accepts the right password of an active user only", async () => {
  await upsertUser(db, ADA);
  await setPassword(db, ADA.email, "right");
  expect((await checkPassword(db, ADA.email, "right"))?.email).toBe(ADA.email);
  expect(await checkPassword(db, ADA.email, "wrong")).toBeUndefined();
  expect(await checkPassword(db, "nobody@example.org", "right")).toBeUndefined();
  await upsertUser(db, { ...ADA, active: false });
  expect(await checkPassword(db, ADA.email, "right")).toBeUndefined();
  await upsertUser(db, { ...ADA, email: "new@example.org" });
  expect(await checkPassword(db, "new@example.org", "")).toBeUndefined();
});

test("removeUser() removes a user once", async () => {
  await upsertUser(db, ADA);
  expect(await removeUser(db, ADA.email)).toBe(true);
  expect(await removeUser(db, ADA.email)).toBe(false);
  expect(await findUser(db, ADA.email)).toBeUndefined();
});
