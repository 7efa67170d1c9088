/**
 * `npm test [-- FILTER…]`: all tests, against one PostgreSQL server that is started for the run (or the one TEST_DATABASE_URL names).
 * Ends with what failed and why, then the plain line `N passed, N failed, N skipped`; the exit code is 0 only if nothing failed and
 * something ran. A runner that crashes, or leaves no report, counts as a failure. With TEST_REQUIRE_ALL=1 a skipped test is one too.
 */
import { join } from "node:path";
import { startPostgres } from "#local/postgres/server.ts";
import { buildCluster, obstacle, type RunningCluster, startCluster } from "./cluster/start.ts";
import { failureReport } from "./failure-report.ts";
import { type Run, runFiles } from "./run-files.ts";
import { installPrograms } from "./setup.ts";
import { clusterFile } from "./support/cluster.ts";
import { temporaryFolder } from "./support/folder.ts";

type Stage = {
  readonly name: string;
  readonly folders: readonly string[];
  /** Folders inside of those that are another stage's. */
  readonly without?: readonly string[];
  readonly parallel: number;
  /** Whether it is run where there is a Kubernetes. */
  readonly cluster?: true;
};

const CLUSTER_FOLDERS = ["test/cluster", "test/conformance"];
/** What gives its leaders and leases less time than a busy machine may take. */
const FAULTS = "test/faults";
/** What kills parts of the cluster that all its tests need. */
const OUTAGES = "test/cluster/outages";
/** Run one after another. */
const STAGES: readonly Stage[] = [
  {
    name: "unit",
    folders: ["crds", "kube", "store", "sources", "catalog", "operator", "worker", "api", "local", "cli"],
    parallel: 2,
  },
  { name: "whole", folders: ["test"], without: [...CLUSTER_FOLDERS, FAULTS], parallel: 2 },
  { name: "faults", folders: [FAULTS], parallel: 1 },
  { name: "cluster", folders: CLUSTER_FOLDERS, without: [OUTAGES], parallel: 2, cluster: true },
  { name: "outages", folders: [OUTAGES], parallel: 1, cluster: true },
];

const requireAll = process.env["TEST_REQUIRE_ALL"] === "1";
const filters = process.argv.slice(2);
const folder = temporaryFolder("test-run");
const interrupt = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => interrupt.abort());

const advice = await installPrograms();
if (advice) process.stderr.write(`${advice}\n`);
const server = process.env["TEST_DATABASE_URL"]
  ? undefined
  : await startPostgres({ home: join(folder.path, "home"), durable: false });
const environment = {
  ...process.env,
  TEST_DATABASE_URL: server?.url ?? process.env["TEST_DATABASE_URL"],
  TEST_RUN: String(process.pid),
};
const isForCluster = STAGES.some((stage) => stage.cluster && testFiles(stage).length > 0);
const cluster = isForCluster ? clusterForTests() : undefined;
const NOTHING: Run = { passed: 0, failed: 0, skipped: 0, failures: [], skippedNames: [] };
let total = NOTHING;
try {
  for (const stage of STAGES) {
    if (!interrupt.signal.aborted) total = add(total, await runStage(stage));
  }
} finally {
  await cluster?.stop();
  await server?.stop();
  folder.remove();
}
const failures = [
  ...total.failures,
  ...(requireAll
    ? total.skippedNames.map((name) => ({ name, message: "It was skipped although it is required" }))
    : []),
  ...(interrupt.signal.aborted ? [{ name: "The run", message: "It was interrupted" }] : []),
];
const skipped = requireAll ? 0 : total.skipped;
await written(
  process.stdout,
  `${failureReport(failures)}${total.passed} passed, ${failures.length} failed, ${skipped} skipped\n`,
);
process.exit(failures.length === 0 && total.passed > 0 ? 0 : 1);

/** Runs a stage; one whose test bed does not start has failed, and the others still count. */
async function runStage(stage: Stage): Promise<Run> {
  const files = testFiles(stage);
  if (files.length === 0) return NOTHING;
  try {
    const facts = stage.cluster && (await cluster?.facts());
    return await runFiles(files, {
      cwd: join(import.meta.dir, ".."),
      report: join(folder.path, `${stage.name}.xml`),
      parallel: stage.parallel,
      env: { ...environment, ...(facts && { TEST_CLUSTER: clusterFile(facts.folder) }) },
      write: (text) => written(process.stderr, text),
      signal: interrupt.signal,
    });
  } catch (error) {
    return { ...NOTHING, failed: 1, failures: [{ name: `The ${stage.name} tests`, message: Bun.inspect(error) }] };
  }
}

/**
 * The test bed, started when it is first asked for; none, with a word on why, where there is one already or none can be had. What needs it is then
 * skipped. Its programs are built from now on, beside the stages that do not need it: where nothing is kept from a run before, that takes minutes.
 */
function clusterForTests() {
  if (process.env["TEST_KUBECONFIG"]) return undefined;
  const problem = obstacle();
  if (problem) {
    process.stderr.write(`Tests on a real Kubernetes are skipped: ${problem}; or name one by TEST_KUBECONFIG\n`);
    return undefined;
  }
  let running: Promise<RunningCluster> | undefined;
  // What goes wrong with it is told when the cluster starts.
  void buildCluster().catch(() => {});
  return {
    async facts() {
      running ??= startCluster();
      return (await running).facts;
    },
    async stop() {
      await (await running?.catch(() => undefined))?.stop();
    },
  };
}

/** Writes, and waits until it is out: what is still held when the program exits, or comes after a later line, is of no use. */
async function written(stream: NodeJS.WriteStream, text: string): Promise<void> {
  await new Promise<void>((resolve) => stream.write(text, () => resolve()));
}

/** Test files of the stage, those named by a filter if there are any. */
function testFiles({ folders, without = [] }: Stage): readonly string[] {
  const files = folders
    .flatMap((folder) => [...new Bun.Glob(`${folder}/**/*.test.ts`).scanSync({ cwd: join(import.meta.dir, "..") })])
    .filter((file) => !without.some((folder) => file.startsWith(`${folder}/`)))
    .sort();
  return filters.length === 0 ? files : files.filter((file) => filters.some((filter) => file.includes(filter)));
}

function add(a: Run, b: Run): Run {
  return {
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: a.skipped + b.skipped,
    failures: [...a.failures, ...b.failures],
    skippedNames: [...a.skippedNames, ...b.skippedNames],
  };
}
