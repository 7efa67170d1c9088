/**
 * Schemathesis, which drives a served program by its OpenAPI document: from PyPI in the exact versions of requirements.txt, installed at its first
 * use and kept outside the work tree under a name made of what it is made from. Undefined, with a word on why, where there is no Python for it.
 */
import { createHash } from "node:crypto";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { cacheFolder } from "../go-program.ts";

const REQUIREMENTS = join(import.meta.dir, "requirements.txt");

/** Path of the Python that has it. */
export async function schemathesisPython(): Promise<string | undefined> {
  const python = Bun.which("python3");
  if (!python) {
    if (process.env["TEST_REQUIRE_ALL"] === "1") throw new Error("Cannot test the OpenAPI document: no python3");
    console.warn("Tests of the OpenAPI document are skipped: python3 is not installed");
    return undefined;
  }
  const version = await run([python, "--version"]);
  const key = createHash("sha256")
    .update(version)
    .update(await Bun.file(REQUIREMENTS).text());
  const folder = join(cacheFolder(), `schemathesis-${key.digest("hex").slice(0, 16)}`);
  if (!(await Bun.file(join(folder, "bin/python")).exists())) await install(python, folder);
  return join(folder, "bin/python");
}

/** Under another name until it is whole: a run that is broken off leaves nothing that looks finished. */
async function install(python: string, folder: string): Promise<void> {
  const unfinished = `${folder}.${crypto.randomUUID()}`;
  await mkdir(cacheFolder(), { recursive: true });
  try {
    await run([python, "-m", "venv", unfinished]);
    const own = join(unfinished, "bin/python");
    await run([own, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS]);
    await rename(unfinished, folder).catch((error: NodeJS.ErrnoException) => {
      // Another run was faster.
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

async function run(command: readonly string[]): Promise<string> {
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(`'${command.join(" ")}' ended with ${code}: ${stderr}`);
  return stdout;
}
