/**
 * `npm run image`: compiles the program, lays out what the image holds, and builds the Dockerfile with buildah, or docker where there is no buildah.
 * For this machine's architecture the C library is copied from the machine and nothing is asked of a registry but Bun's packages; another one takes
 * its C library from a base image.
 */
import { chmod, copyFile, cp, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { version } from "../package.json" with { type: "json" };
import { billOfMaterials } from "./sbom.ts";

const ROOT = join(import.meta.dir, "..");
const PROGRAM = "usr/bin/regards-order";
const DOCUMENTS = "usr/share/doc/regards-order";
const USER = 65_532;
const ARCHITECTURES = { amd64: "bun-linux-x64", arm64: "bun-linux-arm64" } as const;
export type Architecture = keyof typeof ARCHITECTURES;
export const HERE: Architecture = process.arch === "arm64" ? "arm64" : "amd64";

export type ImageOptions = {
  readonly tag: string;
  readonly architecture: Architecture;
  /** Image to build upon; absent: nothing but what is copied. */
  readonly base?: string;
  /** Also write the image to this file, as `docker save` does. */
  readonly archive?: string;
  /** Where buildah keeps its layers, when not where it does for everybody. */
  readonly storage?: string;
};

export async function buildImage(options: ImageOptions): Promise<void> {
  const { architecture, base } = options;
  if (!base && architecture !== HERE) {
    throw new Error(
      `Cannot build for '${architecture}' on '${HERE}' without a base that has the GNU C library: name one by --base`,
    );
  }
  const context = await mkdtemp(join(tmpdir(), "regards-order-image-"));
  try {
    const folder = join(context, architecture);
    const sources = await compile(join(folder, PROGRAM), architecture);
    if (!base) await copyLibraries(join(folder, PROGRAM), folder);
    await copyDocuments(join(folder, DOCUMENTS), billOfMaterials(sources, base ? undefined : libcVersion()));
    await writeAccounts(join(folder, "etc"));
    await mkdir(join(folder, "tmp"));
    await chmod(join(folder, "tmp"), 0o1777);
    await run(builder(options, context));
    if (options.archive) await run(saver(options, options.archive));
  } finally {
    await rm(context, { recursive: true, force: true });
  }
}

/**
 * One file out of the whole program, with the folder of migrations where store/migrate.ts looks for it; returns the source files that went in.
 * Nothing is minified: Elysia reads the text of functions and drops validation when their parameters have other names.
 */
export async function compile(program: string, architecture: Architecture): Promise<readonly string[]> {
  await mkdir(dirname(program), { recursive: true });
  const record = `${program}.sources.json`;
  await run([
    process.execPath,
    "build",
    "--compile",
    ...(architecture === HERE ? [] : [`--target=${ARCHITECTURES[architecture]}`]),
    "--no-compile-autoload-dotenv",
    "--no-compile-autoload-bunfig",
    "--asset=store/migrations",
    `--metafile=${record}`,
    `--outfile=${program}`,
    "cli/main.ts",
  ]);
  const { inputs } = JSON.parse(await readFile(record, "utf8")) as { inputs: Readonly<Record<string, unknown>> };
  await rm(record);
  return Object.keys(inputs);
}

/** The loader and the C library, at the places where the program looks for them. */
async function copyLibraries(program: string, folder: string): Promise<void> {
  const listed = await run(["ldd", program]);
  for (const [path] of listed.matchAll(/\/\S+\.so\S*/g)) {
    await mkdir(join(folder, dirname(path)), { recursive: true });
    await copyFile(await realpath(path), join(folder, path));
  }
}

async function copyDocuments(folder: string, bill: unknown): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const name of ["LICENSE", "NOTICE"]) await cp(join(ROOT, name), join(folder, name));
  await writeFile(join(folder, "sbom.cdx.json"), `${JSON.stringify(bill, null, 2)}\n`);
}

/** A name for the user that the program runs as: some libraries ask who they are. */
async function writeAccounts(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "passwd"), `regards-order:x:${USER}:${USER}::/tmp:/sbin/nologin\n`);
  await writeFile(join(folder, "group"), `regards-order:x:${USER}:\n`);
}

function libcVersion(): string {
  const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined;
  return report?.header?.glibcVersionRuntime ?? "unknown";
}

function buildah(storage: string | undefined): readonly string[] {
  return storage
    ? ["buildah", "--storage-driver=vfs", `--root=${join(storage, "layers")}`, `--runroot=${join(storage, "run")}`]
    : ["buildah"];
}

function builder(options: ImageOptions, context: string): readonly string[] {
  const program = Bun.which("buildah")
    ? [...buildah(options.storage), "build", "--isolation=chroot"]
    : ["docker", "build"];
  const values = { TARGETARCH: options.architecture, VERSION: version, ...(options.base && { BASE: options.base }) };
  return [
    ...program,
    `--platform=linux/${options.architecture}`,
    ...Object.entries(values).map(([name, value]) => `--build-arg=${name}=${value}`),
    `--file=${join(ROOT, "Dockerfile")}`,
    `--tag=${options.tag}`,
    context,
  ];
}

function saver({ tag, storage }: ImageOptions, archive: string): readonly string[] {
  if (!Bun.which("buildah")) return ["docker", "save", `--output=${archive}`, tag];
  return [...buildah(storage), "push", "--quiet", tag, `docker-archive:${archive}:${tag}`];
}

/** Answers what the program prints; fails with what it says of its failure. */
async function run(command: readonly string[]): Promise<string> {
  const child = Bun.spawn([...command], { cwd: ROOT, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [output, problems, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(`Cannot build the image: '${command.join(" ")}' ended with ${code}: ${problems}`);
  return output;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      tag: { type: "string", default: `localhost/regards-order:${version}` },
      architecture: { type: "string", default: HERE },
      base: { type: "string" },
      archive: { type: "string" },
    },
  });
  if (!Object.hasOwn(ARCHITECTURES, values.architecture)) {
    process.stderr.write(
      `--architecture must be one of ${Object.keys(ARCHITECTURES).join(", ")}, got '${values.architecture}'\n`,
    );
    process.exit(1);
  }
  const { tag, base, archive } = values;
  await buildImage({
    tag,
    architecture: values.architecture as Architecture,
    ...(base && { base }),
    ...(archive && { archive }),
  });
  process.stdout.write(`built ${tag}${archive ? `, saved as ${archive}` : ""}\n`);
}
