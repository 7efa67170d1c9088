/** Starts APIs as processes of their own, and ends them. */
import { join } from "node:path";
import { within } from "./program.ts";

const PROGRAM = join(import.meta.dir, "api-process.ts");
const READY_MS = 30_000;

export type ApiProcess = { readonly url: string; readonly pid: number; end(signal: NodeJS.Signals): Promise<void> };

export async function startApiProcess(world: {
  readonly url: string;
  readonly schema: string;
  readonly folder: string;
}): Promise<ApiProcess> {
  const child = Bun.spawn([process.execPath, PROGRAM, world.url, world.schema, world.folder], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const first = await within(READY_MS, "the address of an API process", child.stdout.getReader().read());
  return {
    url: new TextDecoder().decode(first.value).trim(),
    pid: child.pid,
    end: async (signal) => {
      child.kill(signal);
      await child.exited;
    },
  };
}
