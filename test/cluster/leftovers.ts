/**
 * What a cluster leaves in the file system: a folder, and empty folders in the hierarchies of cgroups. An orderly end removes them; those of a run that was
 * killed are removed by the next one, which knows them by their name and by the process that is no more.
 */
import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PREFIX = "regards-order-cluster-";
const CGROUPS = "/sys/fs/cgroup";

/** A folder of a new cluster: its last part is also the name of its cgroups. */
export async function newClusterFolder(): Promise<{ path: string; cgroup: string }> {
  const cgroup = `${PREFIX}${process.pid}-${crypto.randomUUID().slice(0, 8)}`;
  const path = join(tmpdir(), cgroup);
  await mkdir(path, { mode: 0o755 });
  for (const hierarchy of hierarchies()) await mkdir(join(hierarchy, cgroup));
  return { path, cgroup };
}

/** Removes the traces of clusters whose process has ended. */
export function removeLeftovers(): void {
  for (const name of readdirSync(tmpdir())) {
    if (name.startsWith(PREFIX) && !isAlive(join(tmpdir(), name))) removeCluster(name);
  }
}

export function removeCluster(name: string): void {
  for (const hierarchy of hierarchies()) removeEmptyFolders(join(hierarchy, name));
  rmSync(join(tmpdir(), name), { recursive: true, force: true });
}

/** A cluster lives as long as the process that holds its namespaces; before there is one, as long as the one that its name tells. */
function isAlive(folder: string): boolean {
  const holder = join(folder, "pid");
  if (!existsSync(holder)) return existsSync(`/proc/${folder.slice(folder.lastIndexOf(PREFIX)).split("-")[3]}`);
  try {
    return readFileSync(`/proc/${readFileSync(holder, "utf8")}/cmdline`, "utf8").startsWith("unshare\0");
  } catch {
    return false;
  }
}

/** The folders of all hierarchies; where there is only the unified one, that. */
function hierarchies(): readonly string[] {
  const all = readdirSync(CGROUPS).map((name) => join(CGROUPS, name));
  const mounted = all.filter((folder) => existsSync(join(folder, "cgroup.procs")));
  return existsSync(join(CGROUPS, "cgroup.controllers")) ? [CGROUPS] : mounted;
}

function removeEmptyFolders(folder: string): void {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) removeEmptyFolders(join(folder, entry.name));
  }
  rmdirSync(folder);
}
