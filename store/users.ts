/**
 * The users of the tenant. Passwords are kept as argon2id only; checking one takes as long for an unknown user as for a known one,
 * so that the answer's time does not tell who exists.
 */
import type { Role } from "#crds/files.ts";
import { type Db, withoutNulls } from "./db.ts";

export type UserRow = {
  readonly email: string;
  readonly role: Role;
  readonly groups: readonly string[];
  readonly active: boolean;
  readonly passwordHash?: string;
};

/** Makes the user or changes role, groups and activity; the password stays as it is. */
export async function upsertUser(db: Db, user: Omit<UserRow, "passwordHash">): Promise<void> {
  await db`
    INSERT INTO users (email, role, groups, active)
    VALUES (${user.email}, ${user.role}, ${[...user.groups]}::text[], ${user.active})
    ON CONFLICT (email) DO UPDATE SET role = excluded.role, groups = excluded.groups, active = excluded.active`;
}

export async function findUser(db: Db, email: string): Promise<UserRow | undefined> {
  const [row] = await db<
    UserRow[]
  >`SELECT email, role, groups, active, password_hash FROM users WHERE email = ${email}`;
  return row && withoutNulls<UserRow>(row);
}

/** The users with these addresses, in their order. */
export async function findUsers(db: Db, emails: readonly string[]): Promise<readonly (UserRow | undefined)[]> {
  const rows = await db<UserRow[]>`
    SELECT email, role, groups, active, password_hash FROM users WHERE email = ANY(${[...new Set(emails)]}::text[])`;
  const users = new Map(rows.map((row) => [row.email, withoutNulls<UserRow>(row)]));
  return emails.map((email) => users.get(email));
}

/** All users, by e-mail. */
export async function listUsers(db: Db): Promise<readonly UserRow[]> {
  const rows = await db<UserRow[]>`SELECT email, role, groups, active, password_hash FROM users ORDER BY email`;
  return rows.map((row) => withoutNulls<UserRow>(row));
}

/** False if there is no such user. The user's orders stay. */
export async function removeUser(db: Db, email: string): Promise<boolean> {
  const removed = await db`DELETE FROM users WHERE email = ${email}`;
  return removed.count > 0;
}

/** False if there is no such user. */
export async function setPassword(db: Db, email: string, password: string): Promise<boolean> {
  const hash = await Bun.password.hash(password, "argon2id");
  const updated = await db`UPDATE users SET password_hash = ${hash} WHERE email = ${email}`;
  return updated.count > 0;
}

let nobody: Promise<string> | undefined;

/** The user, if the password is theirs and they are active. */
export async function checkPassword(db: Db, email: string, password: string): Promise<UserRow | undefined> {
  nobody ??= Bun.password.hash(crypto.randomUUID(), "argon2id");
  const user = await findUser(db, email);
  const right = await Bun.password.verify(password, user?.passwordHash ?? (await nobody));
  return right && user?.passwordHash !== undefined && user.active ? user : undefined;
}
