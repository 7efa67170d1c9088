/**
 * The `emptyDir` volumes of a pod on this machine: folders of the pod's own, gone when it has ended. Nothing is mounted here, so what names a path
 * below a mount (arguments, values of variables, the working directory) is led to the folder instead; `command` names a program of this machine.
 * What is mounted at /tmp stays the machine's: programs and data may lie there.
 */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Container, Pod } from "#kube/kinds.ts";

export type Mount = { readonly mountPath: string; readonly folder: string };

const NOT_LED_AWAY = "/tmp";

/** The mounts of a container that are folders here, the innermost first. */
export function mountsOf(pod: Pod, container: Container, podFolder: string): readonly Mount[] {
  const volumes = new Set((pod.spec.volumes ?? []).flatMap(({ name, emptyDir }) => (emptyDir ? [name] : [])));
  return (container.volumeMounts ?? [])
    .filter(({ name, mountPath }) => volumes.has(name) && mountPath !== NOT_LED_AWAY)
    .map(({ name, mountPath, subPath = "" }) => ({
      mountPath,
      // As the API server would refuse it: a part of the volume, never what lies above it.
      folder: join(volumesFolder(podFolder), name, `.${join("/", subPath)}`).replace(/\/$/, ""),
    }))
    .toSorted((a, b) => b.mountPath.length - a.mountPath.length);
}

/** The text, or the path on this machine that it means. */
export function placed(text: string, mounts: readonly Mount[]): string {
  const mount = mounts.find(({ mountPath }) => text === mountPath || text.startsWith(`${mountPath}/`));
  return mount ? mount.folder + text.slice(mount.mountPath.length) : text;
}

export async function makeFolders(mounts: readonly Mount[]): Promise<void> {
  for (const { folder } of mounts) await mkdir(folder, { recursive: true });
}

export async function removeFolders(podFolder: string): Promise<void> {
  await rm(volumesFolder(podFolder), { recursive: true, force: true });
}

function volumesFolder(podFolder: string): string {
  return join(podFolder, "volumes");
}
