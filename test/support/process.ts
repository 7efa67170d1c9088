/** A process as an administrator applies it; the program is of no account where nothing runs. */
import { API_VERSION } from "#crds/names.ts";
import type { Process, ProcessSpec } from "#crds/process.ts";

export function testProcess(name: string, spec: Partial<ProcessSpec> = {}): Process {
  return {
    apiVersion: API_VERSION,
    kind: "Process",
    metadata: { name },
    spec: { image: "busybox", command: ["true"], scope: "SubOrder", ...spec },
  };
}
