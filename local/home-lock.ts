/**
 * One process at a time on a home folder: a lock that the kernel gives back when its holder dies, however it dies.
 * It is SQLite's exclusive lock on a small file, the one portable advisory lock that Bun brings; a pid file would outlive kill -9.
 */
import { Database } from "bun:sqlite";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export type HomeLock = { release(): void };

/** Who holds a home, as it said when it took it; read for messages and for finding a running `start`, never for deciding. */
export type Holder = { readonly pid: number; readonly command: string; readonly url?: string };

/** Takes the home for this process, or says who has it. Makes the folder where it is missing. */
export function lockHome(home: string, command: string): HomeLock | { readonly heldBy: Holder | undefined } {
  mkdirSync(home, { recursive: true, mode: 0o711 });
  const file = join(home, "lock");
  const database = new Database(file, { create: true });
  try {
    chmodSync(file, 0o600);
    database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = OFF; BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if (error instanceof Error && "code" in error && error.code === "SQLITE_BUSY") return { heldBy: homeHolder(home) };
    throw error;
  }
  tellHolder(home, { pid: process.pid, command });
  return { release: () => database.close() };
}

/** Leaves word about the holder; only the holder calls it. */
export function tellHolder(home: string, holder: Holder): void {
  writeFileSync(join(home, "holder.json"), `${JSON.stringify(holder)}\n`, { mode: 0o600 });
}

/** The last word that was left, by whoever holds the home now or held it before. */
export function homeHolder(home: string): Holder | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(join(home, "holder.json"), "utf8"));
    return isHolder(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isHolder(value: unknown): value is Holder {
  return typeof value === "object" && value !== null && "pid" in value && "command" in value;
}
