/**
 * Makes a clone ready to run: Bun in the locked version, and the packages of bun.lock in node_modules.
 * Plain Node without a dependency, because it runs before anything is installed. Does nothing when a stamp in node_modules
 * says that bun.lock has not changed since the last time. Two at once are safe: the second waits for the first.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(realpathSync(fileURLToPath(import.meta.url))));
const modules = join(root, "node_modules");
const stamp = join(modules, ".regards-order-setup");
const lock = join(modules, ".regards-order-setup.lock");
const LOCK_BEAT_MS = 1000;
const LOCK_STALE_MS = 10_000;

/** What must be installed, as one hash: the lock file, the manifest, and what is mended in packages. */
function wanted() {
  const hash = createHash("sha256");
  const patches = readdirSync(join(root, "patches")).sort();
  const files = ["bun.lock", "package.json", ...patches.map((name) => join("patches", name))];
  for (const file of files) hash.update(readFileSync(join(root, file)));
  return hash.digest("hex");
}

function inStep() {
  return existsSync(stamp) && readFileSync(stamp, "utf8").trim() === wanted() && existsSync(join(modules, ".bin/bun"));
}

/** Whether `path` is a Bun of this version that runs here; its package leaves a stub behind where install scripts are off. */
function runs(path, version) {
  const result = spawnSync(path, ["--version"], { encoding: "utf8", timeout: 20_000 });
  return result.status === 0 && result.stdout.trim() === version;
}

/** The Bun programs that lie in a node_modules folder, likeliest first. */
function bunsIn(folder) {
  const platform = join(folder, "@oven");
  const packages = existsSync(platform) ? readdirSync(platform).filter((name) => name.startsWith("bun-")) : [];
  return [join(folder, ".bin/bun"), ...packages.map((name) => join(platform, name, "bin/bun"))].filter(existsSync);
}

function cacheFolder() {
  const candidates = [process.env.XDG_CACHE_HOME, join(homedir(), ".cache"), tmpdir()].filter(Boolean);
  for (const candidate of candidates) {
    const folder = join(candidate, "regards-order");
    try {
      mkdirSync(folder, { recursive: true });
      accessSync(folder, constants.W_OK);
      return folder;
    } catch {
      // Read-only or not ours: the next one.
    }
  }
  throw new Error(`Cannot find a folder to keep Bun in: none of '${candidates.join("', '")}' can be written`);
}

/** Runs a program to its end without blocking this one (the lock must go on beating); its output counts only when it fails. */
function run(program, args, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text) => (output += text));
    child.on("error", (error) => reject(new Error(`Cannot run '${program}': ${error.message}`)));
    child.on("close", (code) => {
      if (code === 0) return resolve();
      const lines = output.trim().split("\n");
      const errors = lines.filter((line) => /error/i.test(line));
      const shown = (errors.length > 0 ? errors : lines).slice(0, 6).join("\n");
      reject(new Error(`'${[program, ...args].join(" ")}' ended with code ${code}:\n${shown}`));
    });
  });
}

/** A Bun of the locked version: the clone's own, the one on the PATH, the cached one, or a new one from the npm registry. */
async function findBun(version) {
  const cached = join(cacheFolder(), `bun-${version}`);
  const found = [...bunsIn(modules), "bun", ...bunsIn(join(cached, "node_modules"))].find((path) =>
    runs(path, version),
  );
  if (found) return found;
  const fresh = `${cached}.${process.pid}`;
  mkdirSync(fresh, { recursive: true });
  writeFileSync(join(fresh, "package.json"), '{"private":true}\n');
  try {
    const quiet = ["--no-audit", "--no-fund", "--no-save"];
    await run("npm", ["install", "--prefix", fresh, ...quiet, `bun@${version}`], { cwd: fresh });
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    throw error;
  }
  rmSync(cached, { recursive: true, force: true });
  renameSync(fresh, cached);
  const installed = bunsIn(join(cached, "node_modules")).find((path) => runs(path, version));
  if (!installed) throw new Error(`Cannot use Bun ${version}: it was installed in '${cached}' but does not run here`);
  return installed;
}

/** `bun …` in npm scripts finds node_modules/.bin/bun: makes it a Bun that runs, whatever became of its install script. */
function linkBun(bun, version) {
  const link = join(modules, ".bin/bun");
  if (runs(link, version)) return;
  const own = bunsIn(modules).find((path) => runs(path, version)) ?? bun;
  mkdirSync(dirname(link), { recursive: true });
  rmSync(link, { force: true });
  symlinkSync(own.startsWith(root) ? relative(dirname(link), own) : own, link);
}

async function install() {
  process.stderr.write("Setting up: getting Bun and the locked packages (once)…\n");
  const version = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).devDependencies.bun;
  const bun = await findBun(version);
  await run(bun, ["install", "--frozen-lockfile", "--no-progress"], { cwd: root });
  linkBun(bun === "bun" ? join(modules, ".bin/bun") : bun, version);
  writeFileSync(stamp, `${wanted()}\n`);
}

/** Takes the lock file or throws EEXIST. A lock whose holder has stopped touching it is a dead holder's. */
function takeLock() {
  mkdirSync(modules, { recursive: true });
  if (existsSync(lock) && Date.now() - statSync(lock).mtimeMs > LOCK_STALE_MS) rmSync(lock, { force: true });
  writeFileSync(lock, `${process.pid}\n`, { flag: "wx" });
  const beat = setInterval(() => utimesSync(lock, new Date(), new Date()), LOCK_BEAT_MS);
  return () => {
    clearInterval(beat);
    rmSync(lock, { force: true });
  };
}

async function setup() {
  while (!inStep()) {
    let release;
    try {
      release = takeLock();
    } catch (error) {
      if (error.code !== "EEXIST" && error.code !== "ENOENT") throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
      continue;
    }
    try {
      if (!inStep()) await install();
    } finally {
      release();
    }
  }
  const now = new Date();
  utimesSync(stamp, now, now);
}

setup().catch((error) => {
  process.stderr.write(`Cannot set up: ${error.message}\n`);
  process.stderr.write(
    "The first run needs npm and its registry (or a mirror named in .npmrc). Mend that and run it again.\n",
  );
  process.exit(1);
});
