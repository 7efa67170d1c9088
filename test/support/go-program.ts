/**
 * Programs that tests need and that come as Go modules: each module folder names one program in exact versions (go.mod, go.sum, perhaps a main.go),
 * is built at its first use and kept outside the work tree under a name made of what it was built from.
 */
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, join } from "node:path";

export type GoProgram = {
  /** Folder of the module. */
  readonly module: string;
  /** What is built: a package path, or the module itself. */
  readonly command?: string;
  readonly linkerFlags?: string;
};

/** Builds at the path $0, unless whoever held the lock has; the program's file is there whole or not at all. */
const BUILD = 'test -e "$0" || { nice -n 19 go build -o "$0.unfinished" "$@" && mv "$0.unfinished" "$0"; }';

/** Path of the program; undefined where there is no Go to build it with. Who asks while somebody builds it waits for that. */
export async function goProgram(program: GoProgram): Promise<string | undefined> {
  const path = join(cacheFolder(), `${basename(program.module)}-${await keyOf(program)}`);
  if (await Bun.file(path).exists()) return path;
  if (!Bun.which("go")) return undefined;
  await mkdir(cacheFolder(), { recursive: true });
  const flags = ["-buildvcs=false", "-ldflags", `-s -w ${program.linkerFlags ?? ""}`];
  const lock = Bun.which("flock") ? ["flock", `${path}.lock`] : [];
  const go = Bun.spawn([...lock, "sh", "-c", BUILD, path, ...flags, program.command ?? "."], {
    cwd: program.module,
    stdout: "ignore",
    stderr: "pipe",
  });
  const [code, problems] = await Promise.all([go.exited, new Response(go.stderr).text()]);
  if (code !== 0) throw new Error(`Cannot build '${program.module}': go ended with ${code}: ${problems}`);
  return path;
}

/** Where built programs and images of tests are kept between runs. */
export function cacheFolder(): string {
  return join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "regards-order");
}

async function keyOf(program: GoProgram): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify([program.command, program.linkerFlags, process.arch]));
  for (const name of (await readdir(program.module)).sort()) {
    hash.update(name).update(await readFile(join(program.module, name)));
  }
  return hash.digest("hex").slice(0, 16);
}
