/**
 * As whom PostgreSQL runs. The server refuses root, so as root it is another user; otherwise it is the caller.
 * Where `setpriv` is there (any Linux), the kernel also tells the server to shut down when its starter is killed.
 */
import { spawnSync } from "node:child_process";
import { chownSync } from "node:fs";

export type ServerUser = { readonly name: string; readonly uid: number; readonly gid: number };

const CANDIDATES = ["postgres", "nobody"];
const OWN_USER = "regards-order";

/** The user to run as, or undefined when the caller may run the server. */
export function serverUser(): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of [...CANDIDATES, OWN_USER]) {
    const user = lookUp(name);
    if (user) return user;
  }
  spawnSync("useradd", ["--system", "--no-create-home", "--shell", "/usr/sbin/nologin", OWN_USER]);
  const made = lookUp(OWN_USER);
  if (!made) throw new Error("Cannot run PostgreSQL as root: no user 'postgres' or 'nobody', and none could be added");
  return made;
}

function lookUp(name: string): ServerUser | undefined {
  const [uid, gid] = ["-u", "-g"].map((flag) => {
    const result = spawnSync("id", [flag, name], { encoding: "utf8" });
    return result.status === 0 ? Number(result.stdout) : undefined;
  });
  return uid === undefined || gid === undefined || uid === 0 ? undefined : { name, uid, gid };
}

/** Gives a file or folder to the user; nothing to do when the caller is the user. */
export function give(path: string, user: ServerUser | undefined): void {
  if (user) chownSync(path, user.uid, user.gid);
}

/** A command line that runs `command` as the user; with `dieWithParent` it gets SIGINT when this process is gone. */
export function asUser(
  command: readonly string[],
  user: ServerUser | undefined,
  options: { dieWithParent?: boolean } = {},
): { readonly command: readonly string[]; readonly uid?: number; readonly gid?: number } {
  const setpriv = Bun.which("setpriv");
  if (!setpriv) return { command, ...(user && { uid: user.uid, gid: user.gid }) };
  const identity = user ? ["--reuid", String(user.uid), "--regid", String(user.gid), "--clear-groups"] : [];
  const death = options.dieWithParent ? ["--pdeathsig", "INT"] : [];
  if (identity.length + death.length === 0) return { command };
  return { command: [setpriv, ...identity, ...death, "--", ...command] };
}

/** Whether the user can run `command`: the whole path to it can be walked, and it answers. */
export function canRun(command: readonly string[], user: ServerUser | undefined): boolean {
  const run = asUser(command, user);
  const [program = "", ...args] = run.command;
  const identity = { ...(run.uid !== undefined && { uid: run.uid }), ...(run.gid !== undefined && { gid: run.gid }) };
  return spawnSync(program, args, { ...identity, cwd: "/", stdio: "ignore" }).status === 0;
}
