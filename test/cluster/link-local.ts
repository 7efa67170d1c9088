/**
 * A link-local address that answers on the node, in the place of a cloud's metadata and of a node's own resolver of names. It is on the cluster's node, not
 * on this machine, which may have the real one.
 */
import { join } from "node:path";
import type { ClusterFacts } from "#test/support/cluster.ts";
import { output } from "#test/support/run-command.ts";
import { dialerProgram } from "./programs.ts";

const ADDRESS = "169.254.169.254";

export type LinkLocal = Awaited<ReturnType<typeof linkLocal>>;

export async function linkLocal(cluster: ClusterFacts, ports: readonly number[]) {
  const network = `--net=/proc/${await Bun.file(join(cluster.folder, "pid")).text()}/ns/net`;
  const address = (what: string) => output(["nsenter", network, "ip", "address", what, `${ADDRESS}/32`, "dev", "lo"]);
  const listening = ports.map((port) => `${ADDRESS}:${port}`);
  await address("replace");
  const child = Bun.spawn(
    ["setpriv", "--pdeathsig=KILL", "nsenter", network, await dialerProgram(), "listen", ...listening],
    { stdin: "ignore", stdout: "ignore", stderr: "inherit" },
  );
  return {
    address: ADDRESS,
    async stop(): Promise<void> {
      child.kill();
      await child.exited;
      await address("del");
    },
  };
}
