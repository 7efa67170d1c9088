/** Processes on one machine, with the real program and kubectl: approve, order, look into what came of it; and a machine that stops in between. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { OrderView } from "#cli/client/rest.ts";
import type { ProcessSpec } from "#crds/process.ts";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { temporaryFolder } from "#test/support/folder.ts";
import { testProcess } from "#test/support/process.ts";
import { processesOf } from "#test/support/processes.ts";
import { type RunningStart, runProgram, startProgram } from "#test/support/program.ts";
import type { Finished } from "#test/support/run-command.ts";
import { output } from "#test/support/run-command.ts";

const LONG_MS = 2 * LIMIT.slow;
const ALICE = "alice@example.org";
const NAMES = ["a", "b", "c"] as const;
const folder = temporaryFolder("process");
const home = join(folder.path, "home");
const env = { ORDER_HOME: home, XDG_CONFIG_HOME: join(folder.path, "config") };
let service: RunningStart;

const run = (args: readonly string[], input = ""): Promise<Finished> =>
  runProgram(args, { env, input, cwd: folder.path });
/** Runs a command that must succeed; its stdout. */
async function good(args: readonly string[], input = ""): Promise<string> {
  const outcome = await run(args, input);
  if (outcome.code !== 0) throw new Error(`'${args.join(" ")}' ended with ${outcome.code}: ${outcome.stderr}`);
  return outcome.stdout;
}
const kubectl = (args: readonly string[], input?: string): Promise<string> =>
  output(["kubectl", "--kubeconfig", join(home, "kubeconfig"), ...args], input === undefined ? {} : { input });
const apply = (object: object) => kubectl(["apply", "-f", "-"], JSON.stringify(object));
const get = (what: string, path: string) => kubectl(["get", ...what.split(" "), "-o", `jsonpath=${path}`]);

/** A process that is a shell script here. */
async function approve(name: string, script: string, spec: Partial<ProcessSpec> = {}): Promise<void> {
  await apply(testProcess(name, { command: ["sh", "-ec", script], ...spec }));
  await kubectl(["wait", "--for=condition=Ready", `process/${name}`, "--timeout=60s"]);
}
/** An order of everything with the process; resolves when it has come to this condition. */
async function ordered(
  name: string,
  o: { process: string; parameters?: Record<string, string>; until: string },
): Promise<number> {
  const process = { name: o.process, parameters: o.parameters ?? {} };
  const spec = { owner: ALICE, selections: [{ query: "*:*", process }] };
  await apply({ apiVersion: "order.regards.io/v1alpha1", kind: "Order", metadata: { name }, spec });
  await until(name, o.until);
  return Number(await get(`order ${name}`, "{.status.orderId}"));
}
async function until(name: string, condition: string): Promise<void> {
  await kubectl(["wait", `--for=condition=${condition}`, `order/${name}`, "--timeout=60s"]).catch(async (cause) => {
    const story = await kubectl(["get", "orders,suborders,jobs,pods", "-o", "yaml"]);
    throw new Error(`Waited in vain for ${condition} of '${name}':\n${story.slice(-6000)}`, { cause });
  });
}
/** What is downloaded of an order, by name. */
async function contents(orderId: number): Promise<Readonly<Record<string, string>>> {
  const place = join(folder.path, `out-${orderId}`);
  await good(["order", "download", String(orderId), "-o", `${place}.zip`]);
  await output(["unzip", "-q", `${place}.zip`, "-d", place]);
  return Object.fromEntries(readdirSync(place).map((name) => [name, readFileSync(join(place, name), "utf8")]));
}
type ShownFile = {
  readonly content: {
    readonly filename: string;
    readonly filesize: number;
    readonly state: string;
    readonly downloadError?: string;
  };
};
async function shownFiles(orderId: number): Promise<readonly ShownFile["content"][]> {
  const { token } = JSON.parse(readFileSync(join(env.XDG_CONFIG_HOME, "regards-order/session.json"), "utf8"));
  const response = await fetch(`${service.url}/api/v1/rs-order/user/orders/${orderId}/files`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const { content } = (await response.json()) as { content: readonly ShownFile[] };
  return content.map((file) => file.content);
}

beforeAll(async () => {
  const files = join(folder.path, "files");
  mkdirSync(files);
  for (const name of NAMES) writeFileSync(join(files, `${name}.dat`), `content of ${name}`);
  service = await startProgram(home);
  await good(["user", "add", ALICE, "--role", "REGISTERED_USER", "--password-stdin"], "secret\n");
  await good(["catalog", "scan", files, "--dataset", "Files"]);
  await good(["login", service.url, "--user", ALICE, "--password-stdin"], "secret\n");
}, LONG_MS);
afterAll(async () => {
  await service.end("SIGTERM");
  folder.remove();
});

const CAPITALS = `
  for file in "$ORDER_INPUT"/*/*; do tr a-z A-Z < "$file" > "output/$(basename "$file")"; done
  env > "$ORDER_OUTPUT/env.txt"
  cat parameters.json inputs.json > "$ORDER_OUTPUT/told.txt"`;

test(
  "what a program makes of the files is delivered in their place, and is all that its order shows",
  async () => {
    const parameters = { type: "object", properties: { width: { type: "integer" } } };
    await approve("capitals", CAPITALS, { parameters, title: "Capitals" });
    const id = await ordered("whole", { process: "capitals", parameters: { width: "7" }, until: "Succeeded" });
    const names = [...NAMES.map((name) => `${name}.dat`), "env.txt", "told.txt"];
    // Outputs stand in the order of their names.
    expect((await shownFiles(id)).map(({ filename, state }) => [filename, state])).toEqual(
      names.map((name) => [name, "AVAILABLE"]),
    );
    const given = await contents(id);
    expect(Object.keys(given).sort()).toEqual(names.toSorted());
    for (const name of NAMES) expect(given[`${name}.dat`]).toBe(`CONTENT OF ${name.toUpperCase()}`);
    expect(given["told.txt"]).toContain('"width": 7');
    const ours = (given["env.txt"] ?? "").split("\n").filter((line) => line.startsWith("ORDER_"));
    expect(ours.map((line) => line.split("=")[0]).sort()).toEqual(["ORDER_INPUT", "ORDER_OUTPUT", "ORDER_PARAMETERS"]);
    expect(given["env.txt"]).not.toMatch(/postgres|SECRET/i);
  },
  LONG_MS,
);

test(
  "who waits for an order with a process is told of as many files as it comes to have",
  async () => {
    const apply = ["order", "apply", "--query", "*:*", "--process", "capitals", "--parameter", "width=8"];
    const { code, stdout, stderr } = await run([...apply, "--wait", "--json"]);
    expect([code, stderr]).toEqual([0, expect.stringMatching(/DONE {2}5 ready of 5 files, [1-9]/)]);
    const order: OrderView = JSON.parse(await good(["order", "get", `${JSON.parse(stdout).orderId}`, "--json"]));
    const files = await shownFiles(order.id);
    const size = files.reduce((sum, { filesize }) => sum + filesize, 0);
    expect(order).toMatchObject({
      availableFilesCount: 5,
      datasetTasks: [{ objectsCount: 3, filesCount: 5, filesSize: size }],
    });
  },
  LONG_MS,
);

test(
  "with scope Product each product is a run of its own, and one that fails leaves the others",
  async () => {
    const script = `case "$(ls input)" in b*) echo "no bands in b" >&2; exit 4;; esac; cp input/*/* output/`;
    await approve("each", script, { scope: "Product" });
    const id = await ordered("products", { process: "each", until: "Succeeded=False" });
    const files = (await shownFiles(id)).toSorted((a, b) => (a.filename < b.filename ? -1 : 1));
    expect(files.map(({ filename, state }) => [filename, state])).toEqual([
      ["a.dat", "AVAILABLE"],
      ["b", "PROCESSING_ERROR"],
      ["c.dat", "AVAILABLE"],
    ]);
    expect(files[1]?.downloadError).toBe("Process 'each' failed with exit code 4: no bands in b");
    expect(await get("order products", "{.status.subOrders.succeeded} {.status.subOrders.failed}")).toBe("2 1");
    const retried = await run(["order", "retry", String(id)]);
    expect([retried.code, retried.stderr]).toEqual([1, expect.stringMatching(/process/i)]);
  },
  LONG_MS,
);

test(
  "P27: a program that does not end, gives nothing, or cannot be started ends its order with a word",
  async () => {
    await approve("endless", "sleep 1000", { deadlineSeconds: 2 });
    await approve("silent", "true");
    await apply(testProcess("absent", { command: ["/no/such/program"] }));
    const why: Record<string, RegExp> = {
      endless: /^Process 'endless' took longer than 2 s$/,
      silent: /^Process 'silent' gave no output$/,
      absent: /^Process 'absent' could not be started: .*\/no\/such\/program/,
    };
    for (const [process, message] of Object.entries(why)) {
      const id = await ordered(process, { process, until: "Succeeded=False" });
      const [file, ...others] = await shownFiles(id);
      expect(others).toEqual([]);
      expect(file?.state).toBe("PROCESSING_ERROR");
      expect(file?.downloadError).toMatch(message);
    }
    const isGone = () => !processesOf(home).some((line) => line.includes("sleep 1000"));
    await eventually("the program is gone", isGone, LIMIT.slow);
  },
  2 * LONG_MS,
);

test(
  "a parameter that the process does not take is refused, by name",
  async () => {
    const spec = { process: "capitals", parameters: { width: "wide" }, until: "Accepted=False" };
    await ordered("refused", spec);
    const why = await get("order refused", `{.status.conditions[?(@.type=="Accepted")].message}`);
    expect(why).toContain("width: expected a whole number");
  },
  LONG_MS,
);

test(
  "a machine that stops while the program runs begins the run anew, and leaves nothing of the first",
  async () => {
    const marker = join(folder.path, "second");
    const script = `echo begun; if [ ! -e ${marker} ]; then echo half > output/half; exec sleep 2000; fi; cp input/*/* output/`;
    await approve("interrupted", script);
    const process = { name: "interrupted" };
    const spec = { owner: ALICE, selections: [{ query: "*:*", process }] };
    await apply({ apiVersion: "order.regards.io/v1alpha1", kind: "Order", metadata: { name: "again" }, spec });
    const sleeps = () => processesOf(home).filter((line) => line.includes("sleep 2000"));
    await eventually("the program runs", () => sleeps().length > 0, LIMIT.slow);
    await service.end("SIGKILL");
    writeFileSync(marker, "");
    service = await startProgram(home);
    await until("again", "Succeeded");
    const id = Number(await get("order again", "{.status.orderId}"));
    expect((await shownFiles(id)).map(({ filename }) => filename)).toEqual(NAMES.map((name) => `${name}.dat`));
    await eventually("the first program is gone", () => sleeps().length === 0, LIMIT.slow);
    expect(await get("suborder again-1", "{.status.attempt}")).toBe("1");
  },
  2 * LONG_MS,
);
