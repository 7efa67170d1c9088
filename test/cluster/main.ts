/** `bun test/cluster/main.ts`: a cluster to work with by hand. Says where it is and lives until it is interrupted. */
import { clusterFile } from "#test/support/cluster.ts";
import { installPrograms } from "../setup.ts";
import { obstacle, startCluster } from "./start.ts";

const advice = await installPrograms();
if (advice) process.stderr.write(`${advice}\n`);
const problem = obstacle();
if (problem) {
  process.stderr.write(`Cannot start a cluster here: ${problem}\n`);
  process.exit(1);
}
const cluster = await startCluster();
process.stdout.write(
  `export TEST_CLUSTER=${clusterFile(cluster.facts.folder)} KUBECONFIG=${cluster.facts.kubeconfig}\n`,
);
const ended = Promise.withResolvers<void>();
for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => ended.resolve());
await ended.promise;
await cluster.stop();
