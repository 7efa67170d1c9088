/** The operators of a release as their pods run on this machine: who acts, and signals as a machine in trouble would send them. */
import { processesOf } from "#test/support/processes.ts";
import { FULLNAME } from "./release.ts";
import type { TenantGround } from "./tenant-ground.ts";

const PROGRAM = "regards-order operator";

/** Pod of the operator that acts. */
export async function leadingPod({ kubectl }: TenantGround): Promise<string> {
  const holder = await kubectl(["get", "lease", `${FULLNAME}-operator`, "-o", "jsonpath={.spec.holderIdentity}"]);
  return holder.replace(/_.*/, "");
}

export function signalOperator(name: NodeJS.Signals, pod: string): void {
  signalProcesses(name, pod, PROGRAM);
}

/** To all processes on this machine that have the word in their environment or command line and run the command; there must be one. */
export function signalProcesses(name: NodeJS.Signals, word: string, command: string): void {
  const found = processesOf(word).filter((line) => line.includes(command));
  if (found.length === 0) throw new Error(`Cannot send ${name}: no '${command}' of '${word}' runs`);
  for (const line of found) process.kill(Number.parseInt(line, 10), name);
}
