/**
 * The bill of materials of the image (CycloneDX 1.6): exactly the packages whose code was compiled in, each in the version and with the hash of bun.lock and
 * the licence that it states itself, Bun, and the C library where it is copied. The same sources and lock file give the same bytes.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "..");

type Needs = Readonly<Record<string, string>>;
type LockedPackage = readonly [
  nameAndVersion: string,
  registry: string,
  needs: { readonly dependencies?: Needs; readonly peerDependencies?: Needs },
  integrity: string,
];
/** Keys are names, or paths as `a/b` for a `b` that only `a` uses. */
type Lock = { readonly packages: Readonly<Record<string, LockedPackage>> };
type Manifest = {
  readonly version: string;
  readonly dependencies: Needs;
  readonly devDependencies: Needs;
};

export type Component = {
  readonly type: "library" | "platform";
  readonly name: string;
  readonly version: string;
  readonly "bom-ref": string;
  readonly purl: string;
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
  readonly licenses: readonly unknown[];
};

/** The document for a program that was compiled from these source files; `libc` is the version of the C library beside it. */
export function billOfMaterials(sources: readonly string[], libc: string | undefined) {
  const manifest = readJson<Manifest>("package.json");
  const { packages } = Bun.JSONC.parse(readFileSync(join(ROOT, "bun.lock"), "utf8")) as Lock;
  const paths = [...new Set(sources.flatMap(packagePath))].sort();
  const libraries = new Map(paths.map((path) => [path, library(path, packages[path])]));
  const product = `pkg:npm/regards-order@${manifest.version}`;
  const platform = [bun(manifest.devDependencies["bun"] ?? ""), ...(libc ? [glibc(libc)] : [])];
  const references = (path: string, names: readonly string[]) =>
    names.flatMap((name) => libraries.get(resolve(path, name, packages))?.["bom-ref"] ?? []).sort();
  const application = {
    type: "application",
    name: "regards-order",
    version: manifest.version,
    "bom-ref": product,
    purl: product,
    licenses: [{ license: { id: "Apache-2.0" } }],
  };
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: { component: application },
    components: [...libraries.values(), ...platform],
    dependencies: [
      {
        ref: product,
        dependsOn: [...references("", Object.keys(manifest.dependencies)), ...platform.map((part) => part["bom-ref"])],
      },
      ...[...libraries].map(([path, { "bom-ref": ref }]) => ({
        ref,
        dependsOn: references(path, needs(packages[path])),
      })),
    ],
  };
}

/** `node_modules/a/node_modules/b/index.js` belongs to the package `a/b` of the lock file. */
function packagePath(source: string): readonly string[] {
  const names = [...source.matchAll(/node_modules\/(@[^/]+\/[^/]+|[^/]+)/g)].map(([, name]) => name);
  return names.length === 0 ? [] : [names.join("/")];
}

/** Where the lock file keeps the version of a package that another one gets. */
function resolve(path: string, name: string, packages: Lock["packages"]): string {
  for (let at = path; at !== ""; at = at.includes("/") ? at.slice(0, at.lastIndexOf("/")) : "") {
    if (packages[`${at}/${name}`]) return `${at}/${name}`;
  }
  return name;
}

function needs(locked: LockedPackage | undefined): readonly string[] {
  const { dependencies = {}, peerDependencies = {} } = locked?.[2] ?? {};
  return [...Object.keys(dependencies), ...Object.keys(peerDependencies)];
}

function library(path: string, locked: LockedPackage | undefined): Component {
  if (!locked) throw new Error(`Cannot list the image's packages: '${path}' is not in bun.lock`);
  const [nameAndVersion, , , integrity] = locked;
  const at = nameAndVersion.lastIndexOf("@");
  const [name, version] = [nameAndVersion.slice(0, at), nameAndVersion.slice(at + 1)];
  const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
  const content = Buffer.from(integrity.replace("sha512-", ""), "base64").toString("hex");
  return {
    type: "library",
    name,
    version,
    "bom-ref": purl,
    purl,
    hashes: [{ alg: "SHA-512", content }],
    licenses: [licence(path)],
  };
}

/** What the installed package says of itself. */
function licence(path: string): unknown {
  const folder = (path.match(/@[^/]+\/[^/]+|[^/]+/g) ?? []).join("/node_modules/");
  const { license } = readJson<{ license?: unknown }>(`node_modules/${folder}/package.json`);
  if (typeof license !== "string") throw new Error(`Cannot list the image's packages: '${path}' states no licence`);
  return / (OR|AND|WITH) /.test(license) ? { expression: license } : { license: { id: license } };
}

function bun(version: string): Component {
  const purl = `pkg:npm/bun@${version}`;
  return { type: "platform", name: "bun", version, "bom-ref": purl, purl, licenses: [{ license: { id: "MIT" } }] };
}

function glibc(version: string): Component {
  const purl = `pkg:generic/glibc@${version}`;
  const licenses = [{ license: { id: "LGPL-2.1-or-later" } }];
  return { type: "library", name: "glibc", version, "bom-ref": purl, purl, licenses };
}

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(join(ROOT, path), "utf8")) as T;
}
