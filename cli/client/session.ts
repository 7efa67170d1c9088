/** Who is signed in where: one session, kept in the user's configuration folder with mode 0600. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { Failure } from "../failure.ts";

export type Session = {
  /** Address of the service, without a path. */
  readonly url: string;
  readonly tenant: string;
  readonly user: string;
  readonly token: string;
  /** When the token ends, RFC 3339. */
  readonly expires: string;
};

function sessionFile(): string {
  const configuration = process.env["XDG_CONFIG_HOME"] || join(homedir(), ".config");
  return join(configuration, "regards-order", "session.json");
}

/** Keeps the session; returns where. */
export function saveSession(session: Session): string {
  const file = sessionFile();
  mkdirSync(join(file, ".."), { recursive: true, mode: 0o700 });
  const unfinished = `${file}.${process.pid}`;
  writeFileSync(unfinished, `${JSON.stringify(session, null, 2)}\n`, { mode: 0o600 });
  renameSync(unfinished, file);
  return file;
}

/** The session that was kept; fails with what to do when there is none or it is over. */
export function loadSession(now: Date): Session {
  const session = readSession();
  if (!session) throw new Failure("Not signed in: run `regards-order login URL --user EMAIL` first");
  if (Date.parse(session.expires) <= now.getTime()) {
    throw new Failure(`Signed in no longer: run \`regards-order login ${session.url} --user ${session.user}\` again`);
  }
  return session;
}

function readSession(): Session | undefined {
  try {
    const { url, tenant, user, token, expires } = JSON.parse(readFileSync(sessionFile(), "utf8"));
    return typeof url === "string" && typeof token === "string" ? { url, tenant, user, token, expires } : undefined;
  } catch {
    return undefined;
  }
}
