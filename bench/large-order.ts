/**
 * An order of many files through the whole program on one machine: time until it is resolved, until its first file is available,
 * until all are, and the memory of `start` meanwhile. Its files are small ones in a folder, so the numbers are the service's own.
 * Usage: bun bench/large-order.ts [FILES=100000]
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runProgram, startProgram } from "#test/support/program.ts";

const FILES = Number(process.argv[2] ?? 100_000);
const PER_PRODUCT = 5;
const LIMIT_MS = 600_000;

const folder = mkdtempSync(join(tmpdir(), "regards-order-bench-"));
const home = join(folder, "home");
const data = join(folder, "data");
mkdirSync(data);
for (let n = 0; n < 100; n++) writeFileSync(join(data, `${n}.bin`), `content of file ${n}\n`);

/** STAC items, one a line; each file is one of a hundred on disk. */
function items(): string {
  const lines: string[] = [];
  for (let n = 0; n < FILES / PER_PRODUCT; n++) {
    const assets = Array.from({ length: PER_PRODUCT }, (_, k) => [
      `band${k}`,
      { href: `./${(n * PER_PRODUCT + k) % 100}.bin`, roles: ["data"], title: `product${n}_band${k}.bin` },
    ]);
    lines.push(
      JSON.stringify({
        type: "Feature",
        stac_version: "1.0.0",
        id: `product-${n}`,
        collection: "bench",
        geometry: null,
        properties: { datetime: "2026-01-01T00:00:00Z", platform: "bench-1" },
        links: [],
        assets: Object.fromEntries(assets),
      }),
    );
  }
  return lines.join("\n");
}

const source = join(data, "items.ndjson");
writeFileSync(source, items());
const env = { ORDER_LOG_LEVEL: "warn", XDG_CONFIG_HOME: join(folder, "config") };
const service = await startProgram(home, { env });
try {
  await command(
    ["user", "add", "bench@example.org", "--home", home, "--role", "REGISTERED_USER", "--password-stdin"],
    "pw",
  );
  const importing = performance.now();
  await command(["catalog", "import", source, "--home", home]);
  tell(`import of ${FILES} files`, importing);
  await command(["login", service.url, "--user", "bench@example.org", "--password-stdin"], "pw");
  const token = (
    JSON.parse(readFileSync(join(folder, "config/regards-order/session.json"), "utf8")) as { token: string }
  ).token;
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const orders = `${service.url}/api/v1/rs-order/user/orders`;
  const body = JSON.stringify({ queries: ['platform:"bench-1"'], filters: { dataTypes: ["RAWDATA"] } });
  const asked = performance.now();
  const answer = await fetch(`${orders}/apply`, { method: "POST", headers, body });
  const { orderId } = (await answer.json()) as { orderId: number };
  tell(`apply answered ${answer.status}`, asked);
  const poll = async () =>
    ((await (await fetch(`${orders}/${orderId}`, { headers })).json()) as { content: Record<string, unknown> }).content;
  await until("resolved", asked, async () => (await poll())["status"] !== "PENDING");
  await until("first file available", asked, async () => Number((await poll())["availableFilesCount"]) > 0);
  await until("all files available", asked, async () => (await poll())["status"] === "DONE");
} finally {
  console.log(`start: peak resident memory ${peakMegabytes(service.pid)} MB`);
  await service.end("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
}

async function command(args: readonly string[], input = ""): Promise<void> {
  const { code, stderr } = await runProgram(args, { env, input });
  if (code !== 0) throw new Error(`Cannot run '${args.join(" ")}': ${stderr}`);
}

function tell(what: string, since: number): void {
  console.log(`${what}: ${((performance.now() - since) / 1000).toFixed(2)} s`);
}

async function until(what: string, since: number, holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) {
    if (performance.now() - since > LIMIT_MS) throw new Error(`Cannot wait longer for: ${what}`);
    await Bun.sleep(100);
  }
  tell(what, since);
}

/** High-water mark of a process's resident memory, as Linux counts it. */
function peakMegabytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
}
