/**
 * `npm test [-- FILTER…]`: all tests, against one PostgreSQL server that is started for the run (or the one TEST_DATABASE_URL names).
 * Ends with what failed and why, then the plain line `N passed, N failed, N skipped`; the exit code is 0 only if nothing failed and
 * something ran. A runner that crashes, or leaves no report, counts as a failure. With TEST_REQUIRE_ALL=1 a skipped test is one too.
 */
import { join } from "node:path";
import { startPostgres } from "#local/postgres/server.ts";
import { obstacle, type RunningCluster, startCluster } from "./cluster/start.ts";
import { failureReport } from "./failure-report.ts";
import { type Run, runFiles } from "./run-files.ts";
import { installPrograms } from "./setup.ts";
import { clusterFile } from "./support/cluster.ts";
import { temporaryFolder } from "./support/folder.ts";

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
const interrupt = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => interrupt.abort());

const advice = await installPrograms();
if (advice) process.stderr.write(`${advice}\n`);
const server = process.env["TEST_DATABASE_URL"]
  ? undefined
  : await startPostgres({ home: join(folder.path, "home"), durable: false });
const environment = { ...process.env, TEST_DATABASE_URL: server?.url ?? process.env["TEST_DATABASE_URL"] };
const NOTHING: Run = { passed: 0, failed: 0, skipped: 0, failures: [], skippedNames: [] };
let total = NOTHING;
try {
  for (const stage of STAGES) {
    if (!interrupt.signal.aborted) total = add(total, await runStage(stage));
  }
} finally {
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
  let cluster: RunningCluster | undefined;
  try {
    cluster = stage.cluster ? await clusterForTests() : undefined;
    return await runFiles(files, {
      cwd: join(import.meta.dir, ".."),
      report: join(folder.path, `${stage.name}.xml`),
      parallel: stage.parallel,
      env: { ...environment, ...(cluster && { TEST_CLUSTER: clusterFile(cluster.facts.folder) }) },
      write: (text) => written(process.stderr, text),
      signal: interrupt.signal,
    });
  } catch (error) {
    return { ...NOTHING, failed: 1, failures: [{ name: `The ${stage.name} tests`, message: Bun.inspect(error) }] };
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

/** Writes, and waits until it is out: what is still held when the program exits, or comes after a later line, is of no use. */
async function written(stream: NodeJS.WriteStream, text: string): Promise<void> {
  await new Promise<void>((resolve) => stream.write(text, () => resolve()));
}

/** Test files of the stage, those named by a filter if there are any. */
function testFiles(stage: Stage): readonly string[] {
  const files = stage.folders
    .flatMap((folder) => [...new Bun.Glob(`${folder}/**/*.test.ts`).scanSync({ cwd: join(import.meta.dir, "..") })])
    .filter((file) => stage.cluster || !CLUSTER_FOLDERS.some((folder) => file.startsWith(`${folder}/`)))
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
