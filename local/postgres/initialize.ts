/**
 * Makes the data folder of a new database server. It is made beside its final name and renamed when it is whole,
 * so that a start killed half-way leaves nothing that looks like a database.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Binaries } from "./binaries.ts";
import type { Place } from "./place.ts";
import { asUser, give, type ServerUser } from "./user.ts";

/** Folder of the data within a place. */
export const dataFolder = (place: Place) => join(place.folder, "data");

/** Makes the data folder unless it is there; refuses one of another major version, which only `pg_upgrade` can take over. */
export async function initialize(
  place: Place,
  options: { binaries: Binaries; user: ServerUser | undefined; durable: boolean },
): Promise<void> {
  const data = dataFolder(place);
  if (existsSync(data)) return checkVersion(data, options.binaries);
  const unfinished = `${data}.new`;
  const passwordFile = join(place.folder, "password.new");
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { mode: 0o700 });
  give(unfinished, options.user);
  writeFileSync(passwordFile, `${place.password}\n`, { mode: 0o600 });
  give(passwordFile, options.user);
  try {
    await initdb(unfinished, { ...options, passwordFile });
  } finally {
    rmSync(passwordFile, { force: true });
  }
  renameSync(unfinished, data);
}

async function initdb(
  data: string,
  o: { binaries: Binaries; user: ServerUser | undefined; durable: boolean; passwordFile: string },
): Promise<void> {
  const args = [
    `--pgdata=${data}`,
    "--username=postgres",
    `--pwfile=${o.passwordFile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
    ...(o.durable ? [] : ["--no-sync"]),
  ];
  const run = asUser([o.binaries.initdb, ...args], o.user);
  const child = Bun.spawn([...run.command], {
    cwd: "/",
    env: { PATH: process.env["PATH"] ?? "", LC_ALL: "C", TZ: "UTC" },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    detached: true,
    ...(run.uid !== undefined && { uid: run.uid }),
    ...(run.gid !== undefined && { gid: run.gid }),
  });
  const [output, code] = await Promise.all([new Response(child.stderr).text(), child.exited]);
  if (code !== 0) throw new Error(`Cannot make a database in '${data}': ${output.trim()}`);
}

function checkVersion(data: string, binaries: Binaries): void {
  const made = readFileSync(join(data, "PG_VERSION"), "utf8").trim();
  const version = Bun.spawnSync([binaries.postgres, "--version"], { cwd: "/" }).stdout.toString();
  const brought = /\s(\d+)/.exec(version)?.[1];
  if (made !== brought) {
    throw new Error(
      `Cannot start PostgreSQL: '${data}' was made by version ${made}, this program brings version ${brought}`,
    );
  }
}
