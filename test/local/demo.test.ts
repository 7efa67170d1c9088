/** `npm run demo`: it ends with an archive, a second run works too, and Ctrl-C at any moment leaves no process behind. */
import { afterAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { temporaryFolder } from "#test/support/folder.ts";
import { processesOf } from "#test/support/processes.ts";

const DEMO = join(import.meta.dir, "../../local/demo/main.ts");
const LONG_MS = 120_000;
const folder = temporaryFolder("demo");
afterAll(() => folder.remove());

function spawnDemo(home: string) {
  return Bun.spawn([process.execPath, DEMO, home], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
    cwd: folder.path,
  });
}

describe("npm run demo", () => {
  test(
    "ends with the path of a verified archive, the first time and the second",
    async () => {
      const home = join(folder.path, "home");
      for (const id of [1, 2]) {
        const child = spawnDemo(home);
        const lines = (await new Response(child.stdout).text()).trim().split("\n");
        expect([await child.exited, lines.at(-1)]).toEqual([0, `archive home/order_${id}.zip`]);
        expect(existsSync(join(home, `order_${id}.zip`))).toBe(true);
        expect(processesOf(home)).toEqual([]);
      }
    },
    LONG_MS,
  );

  test(
    "interrupted while it starts leaves nothing behind",
    async () => {
      const home = join(folder.path, "starting");
      const child = spawnDemo(home);
      await eventually("it begins", () => existsSync(join(home, "demo.log")));
      child.kill("SIGINT");
      expect(await child.exited).toBe(130);
      await eventually("every process is gone", () => processesOf(home).length === 0, LIMIT.slow);
    },
    LONG_MS,
  );

  for (const moment of [/service ready/, /signed in/, /granted/]) {
    test(
      `interrupted after '${moment.source}' leaves nothing behind`,
      async () => {
        const home = join(folder.path, `interrupted-${moment.source.replaceAll(/\W/g, "")}`);
        const child = spawnDemo(home);
        let text = "";
        for await (const chunk of child.stdout) {
          text += new TextDecoder().decode(chunk);
          if (moment.test(text)) break;
        }
        child.kill("SIGINT");
        expect(await child.exited).toBe(130);
        await eventually("every process is gone", () => processesOf(home).length === 0, LIMIT.slow);
      },
      LONG_MS,
    );
  }
});
