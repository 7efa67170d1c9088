/**
 * Where one home's database lies and how it is reached. Beside the home where the server's user can walk there, else under
 * /var/lib with a note left in the home. What is decided once is kept in postgres/connection.json (mode 600, it holds the password).
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { SHARED_FOLDER } from "./binaries.ts";
import { canRun, type ServerUser } from "./user.ts";

export type Place = {
  /** Folder that holds `data`; the server's user can walk to it. */
  readonly folder: string;
  readonly password: string;
  /** Tried first at each start, so that addresses stay the same. */
  readonly port: number;
};

const folderIn = (home: string) => join(home, "postgres");
const recordIn = (home: string) => join(folderIn(home), "connection.json");

/** What an earlier start decided for this home, if any. */
export function readPlace(home: string): Place | undefined {
  if (!existsSync(recordIn(home))) return undefined;
  const { folder, password, port } = JSON.parse(readFileSync(recordIn(home), "utf8"));
  return { folder, password, port };
}

/** Keeps the decision; whole or not at all. */
export function writePlace(home: string, place: Place): void {
  const unfinished = `${recordIn(home)}.new`;
  writeFileSync(unfinished, `${JSON.stringify(place)}\n`, { mode: 0o600 });
  renameSync(unfinished, recordIn(home));
}

/** The place of this home's database: the one decided before, or a new one. */
export function findPlace(home: string, user: ServerUser | undefined): Place {
  const kept = readPlace(home);
  if (kept) return kept;
  const own = folderIn(home);
  mkdirSync(own, { recursive: true, mode: 0o711 });
  const password = Buffer.from(crypto.getRandomValues(new Uint8Array(24))).toString("hex");
  const reachable = canRun(["test", "-x", own], user);
  const place = { folder: reachable ? own : sharedFolder(home), password, port: 0 };
  if (place.folder !== own) leaveNote(home, place.folder, user);
  writePlace(home, place);
  return place;
}

function sharedFolder(home: string): string {
  const folder = join(SHARED_FOLDER, `${basename(home)}-${crypto.randomUUID().slice(0, 8)}`);
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  return folder;
}

function leaveNote(home: string, folder: string, user: ServerUser | undefined): void {
  const text = `The database of this folder lies in ${folder}:
PostgreSQL runs as user '${user?.name ?? "unknown"}', who may not enter this folder.
Whoever deletes this folder should delete that one too; a backup needs both.
`;
  writeFileSync(join(folderIn(home), "where-is-the-database.txt"), text);
}

/** Address of the database `name` on the server at `place`. */
export function databaseUrl(place: Place, name = "postgres"): string {
  return `postgres://postgres:${place.password}@127.0.0.1:${place.port}/${name}`;
}
