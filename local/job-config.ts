/** What the pods of Jobs run on one machine: this same program's `worker`, as a process. There is no image to pull. */
import { join } from "node:path";
import type { JobConfig } from "#operator/config.ts";

const PROGRAM = join(import.meta.dir, "../cli/main.ts");
const DAY_S = 86_400;

export function localJobs(): JobConfig {
  return {
    image: "regards-order:local",
    imagePullPolicy: "Never",
    command: [process.execPath, PROGRAM, "worker"],
    args: [],
    deadlineSeconds: DAY_S,
    backoffLimit: 6,
    ttlSeconds: 600,
  };
}
