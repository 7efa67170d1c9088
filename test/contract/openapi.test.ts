/**
 * The served program is what its OpenAPI document says: Schemathesis makes requests out of the document, good ones and bad ones, as a user and as
 * the highest administrator, and looks whether each answer is one of those that are described. The same requests in each run.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "#test/support/folder.ts";
import { type RunningStart, runProgram, startProgram } from "#test/support/program.ts";
import { schemathesisPython } from "#test/support/schemathesis/venv.ts";

const CHECKS = [
  "not_a_server_error",
  "status_code_conformance",
  "content_type_conformance",
  "response_headers_conformance",
  "response_schema_conformance",
  "unsupported_method",
  "allow_header_conformance",
];
const USER = "alice@example.org";
const BOSS = "boss@example.org";
/** Of each operation in each phase of making them up. */
const EXAMPLES = "3";
const LONG_MS = 280_000;

type Json = Record<string, unknown>;

const python = await schemathesisPython();
const folder = temporaryFolder("contract");
const env = { ORDER_HOME: join(folder.path, "home"), XDG_CONFIG_HOME: join(folder.path, "config") };
let service: RunningStart;
let served: Json;

async function program(args: readonly string[], input = ""): Promise<void> {
  const { code, stderr } = await runProgram(args, { env, input, cwd: folder.path });
  if (code !== 0) throw new Error(`'${args.join(" ")}' ended with ${code}: ${stderr}`);
}

describe.skipIf(!python)("the served program and its OpenAPI document", () => {
  beforeAll(async () => {
    service = await startProgram(env.ORDER_HOME, { env: { ORDER_LOG_LEVEL: "error" } });
    await program(["user", "add", USER, "--password-stdin"], "secret\n");
    await program(["user", "add", BOSS, "--role", "INSTANCE_ADMIN", "--password-stdin"], "secret\n");
    const archive = join(folder.path, "archive");
    mkdirSync(archive);
    for (const name of ["a.txt", "b.txt", "c.txt"]) writeFileSync(join(archive, name), `content of ${name}`);
    await program(["catalog", "scan", archive, "--dataset", "Texts"]);
    await program(["login", service.url, "--user", USER, "--password-stdin"], "secret\n");
    for (let i = 0; i < 3; i++) await program(["order", "apply", "--query", "*", "--type", "RAWDATA", "--wait"]);
    served = (await (await fetch(`${service.url}/openapi/json`)).json()) as Json;
    writeFileSync(join(folder.path, "openapi.json"), JSON.stringify(closed(served)));
    // Of some functions of the contract there is no more here than this answer.
    writeFileSync(
      join(folder.path, "schemathesis.toml"),
      `[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", "501"]

[[operations]]
# Else it goes on for as long as the order is there.
include-operation-id = "orderEvents"
parameters = { until = "run" }
`,
    );
  }, LONG_MS);
  afterAll(async () => {
    await service?.end("SIGTERM");
    folder.remove();
  });

  test("every example fits its schema", async () => {
    const script = join(import.meta.dir, "../support/schemathesis/check_examples.py");
    const child = Bun.spawn([python ?? "", script], {
      stdin: new TextEncoder().encode(JSON.stringify(closed(served))),
      stdout: "pipe",
      stderr: "pipe",
    });
    const [wrong, found] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    expect([wrong, await child.exited]).toEqual(["", 0]);
    expect(Number.parseInt(found, 10)).toBeGreaterThan(300);
  });

  // What would close the service or take away what is asked for is left to the last.
  const LAST = ["deleteOrder", "cancelOrder", "removeOrder"];
  test("agree about a user's requests", () => agree(USER, [...LAST, "enableMaintenance"]), LONG_MS);
  test("agree about an administrator's requests", () => agree(BOSS, ["enableMaintenance"]), LONG_MS);
});

async function agree(user: string, without: readonly string[]): Promise<void> {
  const command = [
    python ?? "",
    ...["-m", "schemathesis.cli", "--config-file", "schemathesis.toml", "run", "openapi.json"],
    ...["--url", service.url, "--header", `Authorization: Bearer ${await tokenOf(user)}`],
    ...["--checks", CHECKS.join(","), "--phases", "examples,coverage,fuzzing", "--max-examples", EXAMPLES],
    // One worker: Python's parser counts the depth of its recursion for all threads together, and fails now and then when two parse at once.
    ...["--generation-deterministic", "--no-shrink", "--continue-on-failure", "--workers", "1"],
    ...["--warnings", "off", "--no-color", ...without.flatMap((id) => ["--exclude-operation-id", id])],
  ];
  const child = Bun.spawn(command, { cwd: folder.path, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [report, problems] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  if ((await child.exited) !== 0) throw new Error(`They do not agree:\n${report}${problems}`);
  const operations = Object.values(served["paths"] as Record<string, Json>).flatMap((path) => Object.keys(path));
  const asked = Number(/Tested: (\d+)/.exec(report)?.[1]);
  expect(asked).toBe(operations.length - without.length);
}

async function tokenOf(username: string): Promise<string> {
  const response = await fetch(`${service.url}/api/v1/rs-authentication/oauth/token`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ grant_type: "password", username, password: "secret", scope: "default" }),
  });
  return ((await response.json()) as { access_token: string }).access_token;
}

/** The document with every object of an answer closed, so that a member which it does not describe is found. */
function closed(document: Json): Json {
  const components = document["components"] as { schemas: Record<string, Json> };
  const paths = structuredClone(document["paths"]) as Record<string, Record<string, { responses: unknown }>>;
  for (const methods of Object.values(paths)) {
    for (const operation of Object.values(methods)) operation.responses = closedSchema(operation.responses, "Answer");
  }
  const answers = Object.entries(components.schemas).map(([name, schema]) => [
    `Answer${name}`,
    closedSchema(schema, "Answer"),
  ]);
  return {
    ...document,
    paths,
    components: { ...components, schemas: { ...components.schemas, ...Object.fromEntries(answers) } },
  };
}

function closedSchema(value: unknown, prefix: string): unknown {
  if (Array.isArray(value)) return value.map((item) => closedSchema(item, prefix));
  if (typeof value !== "object" || value === null) return value;
  const inner = Object.entries(value).map(([key, one]) => {
    if (key === "$ref") return [key, String(one).replace("/schemas/", `/schemas/${prefix}`)];
    return [key, key === "example" || key === "examples" ? one : closedSchema(one, prefix)];
  });
  const schema = Object.fromEntries(inner) as Json;
  const isOpen = schema["type"] === "object" && schema["properties"] && schema["additionalProperties"] === undefined;
  return isOpen ? { ...schema, additionalProperties: false } : schema;
}
