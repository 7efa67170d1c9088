/**
 * A pod that is told to stop before its program listens for it. The moment is made by freezing the program as soon as it is seen: its handlers are not there
 * yet, the signal is left pending, and what it does on it is seen when it goes on.
 */
import { existsSync, readFileSync } from "node:fs";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { processesOf } from "#test/support/processes.ts";
import type { TenantGround } from "./tenant-ground.ts";

/** How often a pod may come up too fast to be caught. */
const TRIES = 8;

type Pods = { readonly items: readonly { readonly metadata: { name: string; deletionTimestamp?: string } }[] };

/** Deletes the pods with this label until a new one is caught before it listens; that one is told to stop, and gone within the time. */
export async function stopEarly(ground: TenantGround, o: { readonly role: string; readonly withinSeconds: number }) {
  const staying = async () => {
    const selector = ["-l", `app.kubernetes.io/component=${o.role}`];
    const { items } = JSON.parse(await ground.kubectl(["get", "pods", ...selector, "-o", "json"])) as Pods;
    return items.filter(({ metadata }) => !metadata.deletionTimestamp).map(({ metadata }) => metadata.name);
  };
  for (let tries = 1; tries <= TRIES; tries++) {
    const before = await staying();
    await ground.kubectl(["delete", "pod", before[0] ?? "", "--wait=false"]);
    const newOne = async () => (await staying()).find((name) => !before.includes(name));
    const born = await eventually("a new pod is made", newOne, LIMIT.slow);
    const pid = await eventually(`the program of ${born} is started`, () => programOf(born, o.role), LIMIT.slow);
    process.kill(pid, "SIGSTOP");
    try {
      if (hears(pid)) continue;
      await ground.kubectl(["delete", "pod", born, "--wait=false"]);
      await eventually("it has been told to stop", () => isPending(pid), LIMIT.slow);
    } finally {
      if (existsSync(`/proc/${pid}`)) process.kill(pid, "SIGCONT");
    }
    await ground.kubectl(["wait", "--for=delete", `pod/${born}`, `--timeout=${o.withinSeconds}s`]);
    return;
  }
  throw new Error(`Cannot stop a pod of the ${o.role} before it listens: ${TRIES} pods were too fast`);
}

function programOf(pod: string, role: string): number | undefined {
  const line = processesOf(pod).find((each) => each.includes(`regards-order ${role}`));
  return line === undefined ? undefined : Number.parseInt(line, 10);
}

const TERM = 1n << 14n;

/** Whether it has a handler for SIGTERM. */
function hears(pid: number): boolean {
  return (mask(pid, "SigCgt") & TERM) !== 0n;
}

/** Whether a SIGTERM waits for it. The kernel drops one to the first process of a namespace that has no handler. */
function isPending(pid: number): boolean {
  return ((mask(pid, "SigPnd") | mask(pid, "ShdPnd")) & TERM) !== 0n;
}

function mask(pid: number, name: string): bigint {
  const [, digits = "0"] =
    new RegExp(`^${name}:\\s*([0-9a-f]+)$`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return BigInt(`0x${digits}`);
}
