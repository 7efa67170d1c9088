/** Images for the test bed, as archives that containerd imports: built by buildah from nothing but files, so that no registry is asked. */
import { existsSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { buildImage, HERE } from "#image/build.ts";
import type { ClusterFacts } from "#test/support/cluster.ts";
import { cacheFolder } from "#test/support/go-program.ts";
import { output } from "#test/support/run-command.ts";
import { PAUSE_IMAGE } from "./node.ts";
import { pauseProgram } from "./programs.ts";

/** The image of the process that holds a pod's namespaces. */
export async function pauseImage(): Promise<string> {
  const program = await pauseProgram();
  const archive = join(cacheFolder(), `${basename(program)}.tar`);
  if (existsSync(archive)) return archive;
  const folder = await mkdtemp(join(tmpdir(), "test-image-"));
  try {
    await mkdir(join(folder, "context"));
    await copyFile(program, join(folder, "context/pause"));
    await writeFile(
      join(folder, "context/Dockerfile"),
      'FROM scratch\nCOPY pause /\nUSER 65535\nENTRYPOINT ["/pause"]\n',
    );
    const buildah = ["buildah", "--storage-driver=vfs", `--root=${folder}/root`, `--runroot=${folder}/run`];
    await output([...buildah, "bud", "--isolation=chroot", "-q", "-t", PAUSE_IMAGE, join(folder, "context")]);
    await output([...buildah, "push", "-q", PAUSE_IMAGE, `docker-archive:${folder}/image.tar:${PAUSE_IMAGE}`]);
    const unfinished = `${archive}.${crypto.randomUUID()}`;
    await copyFile(join(folder, "image.tar"), unfinished);
    await rename(unfinished, archive);
    return archive;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The name of our image on the cluster's node, built and brought there by the first test of a run that asks. */
export async function programImage(cluster: ClusterFacts): Promise<string> {
  const tag = `localhost/regards-order:test-${process.pid}`;
  const ctr = ["ctr", "-a", cluster.runtime, "-n", "k8s.io", "images"];
  if ((await output([...ctr, "list", "-q"])).split("\n").includes(tag)) return tag;
  const archive = join(cluster.folder, "image.tar");
  await rm(archive, { force: true });
  await buildImage({ tag, architecture: HERE, archive, storage: join(cluster.folder, "image") });
  await output([...ctr, "import", archive]);
  return tag;
}
