/**
 * `npm test [-- FILTER…]`: all tests, against one PostgreSQL server that is started for the run (or the one TEST_DATABASE_URL names).
 * Ends with the plain line `N passed, N failed, N skipped`; the exit code is 0 only if nothing failed and something ran.
 * A runner that crashes, or leaves no report, counts as a failure. With TEST_REQUIRE_ALL=1 a skipped test is a failure too.
 */
import { join } from "node:path";
import { startPostgres } from "#local/postgres/server.ts";
import { obstacle, type RunningCluster, startCluster } from "./cluster/start.ts";
import { type Counts, readJunit } from "./junit.ts";
import { installPrograms } from "./setup.ts";
import { clusterFile } from "./support/cluster.ts";
import { temporaryFolder } from "./support/folder.ts";

const TEST_TIMEOUT_MS = 30_000;
type Stage = {
  readonly name: string;
  readonly folders: readonly string[];
  readonly parallel: number;
  /** Whether a Kubernetes is started for it. */
  readonly cluster?: true;
};

const CLUSTER_FOLDERS = ["test/cluster", "test/conformance"];
/** Run one after another, each in processes of its own: what measures or kills must not share the machine with the rest. */
const STAGES: readonly Stage[] = [
  {
    name: "unit",
    folders: ["crds", "kube", "store", "sources", "catalog", "operator", "worker", "api", "local", "cli"],
    parallel: 2,
  },
  { name: "whole", folders: ["test"], parallel: 1 },
  { name: "cluster", folders: CLUSTER_FOLDERS, parallel: 1, cluster: true },
];

const requireAll = process.env["TEST_REQUIRE_ALL"] === "1";
const filters = process.argv.slice(2);
const folder = temporaryFolder("test-run");
let running: Bun.Subprocess | undefined;
let interrupted = false;
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.on(name, () => {
    interrupted = true;
    running?.kill(name);
  });
}

const advice = await installPrograms();
if (advice) process.stderr.write(`${advice}\n`);
const server = process.env["TEST_DATABASE_URL"]
  ? undefined
  : await startPostgres({ home: join(folder.path, "home"), durable: false });
const environment = { ...process.env, TEST_DATABASE_URL: server?.url ?? process.env["TEST_DATABASE_URL"] };
let total: Counts = { passed: 0, failed: 0, skipped: 0 };
try {
  for (const stage of STAGES) {
    if (!interrupted) total = add(total, await runStage(stage));
  }
} finally {
  await server?.stop();
  folder.remove();
}
const failed = total.failed + (requireAll ? total.skipped : 0) + (interrupted ? 1 : 0);
const skipped = requireAll ? 0 : total.skipped;
process.stdout.write(`${total.passed} passed, ${failed} failed, ${skipped} skipped\n`);
process.exit(failed === 0 && total.passed > 0 ? 0 : 1);

async function runStage(stage: Stage): Promise<Counts> {
  const files = testFiles(stage);
  if (files.length === 0) return { passed: 0, failed: 0, skipped: 0 };
  const cluster = stage.cluster ? await clusterForTests() : undefined;
  try {
    return await runFiles(stage, { files, env: cluster ? { TEST_CLUSTER: clusterFile(cluster.facts.folder) } : {} });
  } finally {
    await cluster?.stop();
  }
}

/** The test bed; none, with a word on why, where there is one already or none can be had. What needs it is then skipped. */
async function clusterForTests(): Promise<RunningCluster | undefined> {
  if (process.env["TEST_KUBECONFIG"]) return undefined;
  const problem = obstacle();
  if (!problem) return startCluster();
  process.stderr.write(`Tests on a real Kubernetes are skipped: ${problem}; or name one by TEST_KUBECONFIG\n`);
  return undefined;
}

async function runFiles(
  stage: Stage,
  o: { readonly files: readonly string[]; readonly env: Readonly<Record<string, string>> },
): Promise<Counts> {
  const report = join(folder.path, `${stage.name}.xml`);
  const args = [
    "test",
    `--timeout=${TEST_TIMEOUT_MS}`,
    ...(stage.parallel > 1 ? [`--parallel=${stage.parallel}`] : []),
    "--reporter=junit",
    `--reporter-outfile=${report}`,
    ...o.files.map((file) => `./${file}`),
  ];
  running = Bun.spawn([process.execPath, ...args], {
    cwd: join(import.meta.dir, ".."),
    env: { ...environment, ...o.env },
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
  });
  const code = await running.exited;
  running = undefined;
  const text = await Bun.file(report)
    .text()
    .catch(() => "");
  const { skippedNames, ...counts } = readJunit(text);
  if (requireAll) for (const name of skippedNames) process.stderr.write(`Skipped although required: ${name}\n`);
  if (code === 0 || counts.failed > 0) return counts;
  process.stderr.write(`The runner of the ${stage.name} tests ended with code ${code} although no test failed\n`);
  return { ...counts, failed: 1 };
}

/** Test files of the stage, those named by a filter if there are any. */
function testFiles(stage: Stage): readonly string[] {
  const files = stage.folders
    .flatMap((folder) => [...new Bun.Glob(`${folder}/**/*.test.ts`).scanSync({ cwd: join(import.meta.dir, "..") })])
    .filter((file) => stage.cluster || !CLUSTER_FOLDERS.some((folder) => file.startsWith(`${folder}/`)))
    .sort();
  return filters.length === 0 ? files : files.filter((file) => filters.some((filter) => file.includes(filter)));
}

function add(a: Counts, b: Counts): Counts {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}
