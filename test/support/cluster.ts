/** What tests know of the cluster that `test/run.ts` started for them (test/cluster/start.ts); TEST_CLUSTER names the file that tells it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

export type ClusterFacts = {
  /** Of one who may do everything. */
  readonly kubeconfig: string;
  readonly node: string;
  /** The address at which pods reach this machine. */
  readonly machine: string;
  /** One JSON event a line, of what people and pods asked the API server for. */
  readonly auditLog: string;
  /** Socket of containerd. */
  readonly runtime: string;
  readonly folder: string;
};

export function clusterFile(folder: string): string {
  return join(folder, "cluster.json");
}

/** The cluster of this run; nothing where none could be started, which `test/run.ts` has told. */
export function clusterUnderTest(): ClusterFacts | undefined {
  const file = process.env["TEST_CLUSTER"];
  return file ? (JSON.parse(readFileSync(file, "utf8")) as ClusterFacts) : undefined;
}
