/**
 * Namespaces of the kernel (processes, mounts, network) in which a cluster lives, so that nothing of it outlives them: when their first process
 * ends, the kernel ends every other, and mounts, bridges and firewall rules go with them. That first process reads from a pipe that we hold,
 * so it ends with us however we end, kill -9 included.
 */
import { appendFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { output, run } from "#test/support/run-command.ts";

/** Addresses of one cluster; several can be on a machine at once. */
export type Network = {
  readonly name: string;
  /** Where pods find what runs on the machine. */
  readonly machine: string;
  readonly node: string;
  readonly services: string;
  /** The first service address: the API server's. */
  readonly api: string;
  readonly pods: string;
};

export type Sandbox = {
  readonly network: Network;
  /** Enters the namespaces: put before a command line. */
  readonly enter: readonly string[];
  /** Starts a program inside and starts it again when it ends; what it writes goes to `log/NAME.log`. */
  keep(name: string, command: readonly string[]): void;
  stop(): Promise<void>;
};

const FIRST_PROCESS = `
set -e
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/log
mkdir -p /var/lib/cni
mount -t tmpfs tmpfs /var/lib/cni
ip link set lo up
echo 1 > /proc/sys/net/ipv4/ip_forward
echo ready
exec 3<&0
cat <&3 >/dev/null &
wait $!
`;
const CLUSTERS = 32;
const RESTART_AFTER_MS = 200;

export async function startSandbox(folder: string): Promise<Sandbox> {
  await mkdir(join(folder, "log"), { recursive: true });
  const first = Bun.spawn(
    ["unshare", "--fork", "--pid", "--mount", "--net", "--mount-proc", "--kill-child", "sh", "-c", FIRST_PROCESS],
    { stdin: "pipe", stdout: "pipe", stderr: Bun.file(join(folder, "log/first.log")) },
  );
  const { value } = await first.stdout.getReader().read();
  if (!value) throw new Error(`Cannot make namespaces: ${await Bun.file(join(folder, "log/first.log")).text()}`);
  await writeFile(join(folder, "pid"), String(first.pid));
  const enter = ["nsenter", `--pid=/proc/${first.pid}/ns/pid_for_children`, "-t", String(first.pid), "-m", "-n", "--"];
  let stopping = false;
  const keep: Sandbox["keep"] = (name, command) => {
    const log = join(folder, `log/${name}.log`);
    const again = async () => {
      while (!stopping) {
        const child = Bun.spawn([...enter, "sh", "-c", 'exec "$@" >>"$0" 2>&1', log, ...command], {
          stdin: "ignore",
          stdout: "ignore",
          stderr: "ignore",
        });
        const code = await child.exited;
        if (stopping) return;
        await appendFile(log, `ended with ${code}, started again\n`);
        await Bun.sleep(RESTART_AFTER_MS);
      }
    };
    void again();
  };
  const stop = async () => {
    stopping = true;
    await first.stdin.end();
    await first.exited;
  };
  try {
    return { network: await joinNetworks(first.pid, enter), enter, keep, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A cable between the machine's network and the sandbox's. Its name is what keeps clusters apart: the kernel gives each only once. */
async function joinNetworks(pid: number, enter: readonly string[]): Promise<Network> {
  for (let number = 0; number < CLUSTERS; number++) {
    const network = {
      name: `order-test${number}`,
      machine: `10.99.${number}.1`,
      node: `10.99.${number}.2`,
      services: `10.96.${number}.0/24`,
      api: `10.96.${number}.1`,
      pods: `10.244.${number}.0/24`,
    };
    const made = await run([
      "ip",
      "link",
      "add",
      network.name,
      "type",
      "veth",
      "peer",
      "name",
      "node0",
      "netns",
      String(pid),
    ]);
    if (made.code !== 0) {
      if (made.stderr.includes("File exists")) continue;
      throw new Error(`Cannot join the networks: ${made.stderr}`);
    }
    await output(["ip", "address", "add", `${network.machine}/24`, "dev", network.name]);
    await output(["ip", "link", "set", network.name, "up"]);
    await output([...enter, "ip", "address", "add", `${network.node}/24`, "dev", "node0"]);
    await output([...enter, "ip", "link", "set", "node0", "up"]);
    await output([...enter, "ip", "route", "add", "default", "via", network.machine]);
    for (const range of [network.services, network.pods])
      await output(["ip", "route", "add", range, "via", network.node]);
    return network;
  }
  throw new Error(`Cannot join the networks: there are ${CLUSTERS} clusters on this machine already`);
}
