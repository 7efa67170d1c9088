/** Images for the test bed, as archives that containerd imports: built by buildah from nothing but files, so that no registry is asked. */
import { existsSync, mkdirSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { buildImage, HERE } from "#image/build.ts";
import type { ClusterFacts } from "#test/support/cluster.ts";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { cacheFolder } from "#test/support/go-program.ts";
import { output } from "#test/support/run-command.ts";
import { PAUSE_IMAGE } from "./node.ts";
import { dialerProgram, pauseProgram, sampleProgram } from "./programs.ts";

/** The image of the process that holds a pod's namespaces. */
export async function pauseImage(): Promise<string> {
  return await imageOf({ program: await pauseProgram(), name: "pause", tag: PAUSE_IMAGE, user: 65_535 });
}

const SAMPLE_IMAGE = "localhost/process-sample:1";
const DIALER_IMAGE = "localhost/dialer:1";

/** The name of the image of an administrator's process on the cluster's node. Its user is not ours. */
export async function sampleImage(cluster: ClusterFacts): Promise<string> {
  return bring(cluster, { program: await sampleProgram(), name: "sample", tag: SAMPLE_IMAGE, user: 1234 });
}

/** The name of the dialer's image on the cluster's node. */
export async function dialerImage(cluster: ClusterFacts): Promise<string> {
  return bring(cluster, { program: await dialerProgram(), name: "dialer", tag: DIALER_IMAGE, user: 1234 });
}

type FileImage = {
  readonly program: string;
  /** Of the program's file in the image, at its root. */
  readonly name: string;
  readonly tag: string;
  readonly user: number;
};

/** Puts the image on the node; its name there. */
async function bring(cluster: ClusterFacts, image: FileImage): Promise<string> {
  await output([...ctr(cluster), "import", await imageOf(image)]);
  return image.tag;
}

/** The archive of an image that holds nothing but the program; it is kept beside the program. */
async function imageOf({ program, name, tag, user }: FileImage): Promise<string> {
  const archive = join(cacheFolder(), `${basename(program)}.tar`);
  if (existsSync(archive)) return archive;
  const folder = await mkdtemp(join(tmpdir(), "test-image-"));
  try {
    const context = join(folder, "context");
    await mkdir(context);
    await copyFile(program, join(context, name));
    const recipe = `FROM scratch\nCOPY ${name} /\nUSER ${user}\nENTRYPOINT ["/${name}"]\n`;
    await writeFile(join(context, "Dockerfile"), recipe);
    const buildah = ["buildah", "--storage-driver=vfs", `--root=${folder}/root`, `--runroot=${folder}/run`];
    await output([...buildah, "bud", "--isolation=chroot", "-q", "-t", tag, context]);
    await output([...buildah, "push", "-q", tag, `docker-archive:${folder}/image.tar:${tag}`]);
    const unfinished = `${archive}.${crypto.randomUUID()}`;
    await copyFile(join(folder, "image.tar"), unfinished);
    await rename(unfinished, archive);
    return archive;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function ctr(cluster: ClusterFacts): readonly string[] {
  return ["ctr", "-a", cluster.runtime, "-n", "k8s.io", "images"];
}

/**
 * The name of our image on the cluster's node. The first test of a run that asks builds it and brings it there, those beside it wait; a run is what
 * TEST_RUN names, or else this process.
 */
export async function programImage(cluster: ClusterFacts): Promise<string> {
  const name = `test-${process.env["TEST_RUN"] ?? process.pid}`;
  const tag = `localhost/regards-order:${name}`;
  const folder = join(cluster.folder, name);
  const isThere = async () => (await output([...ctr(cluster), "list", "-q"])).split("\n").includes(tag);
  if (existsSync(folder)) {
    await eventually(`the image '${tag}' is on the node`, isThere, 3 * LIMIT.slow);
    return tag;
  }
  mkdirSync(folder);
  const archive = join(folder, "image.tar");
  await buildImage({ tag, architecture: HERE, archive, storage: join(folder, "storage") });
  await output([...ctr(cluster), "import", archive]);
  return tag;
}
