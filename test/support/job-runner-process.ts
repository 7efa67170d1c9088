/** The Job runner as a process of its own, for tests that kill it: `KUBECONFIG_FILE FOLDER`. */
import { pino } from "pino";
import { kubeconfigTransport } from "#kube/kubeconfig.ts";
import { startJobRunner } from "#local/jobs/runner.ts";

const [kubeconfig = "", folder = ""] = process.argv.slice(2);
const runner = startJobRunner({
  transport: await kubeconfigTransport({ path: kubeconfig }),
  logger: pino({ level: "warn" }),
  now: () => new Date(),
  random: Math.random,
  folder,
  env: {},
  slots: 4,
  backoff: { baseMs: 20, maxMs: 100 },
  signal: new AbortController().signal,
});
await runner.ready;
await runner.stopped;
