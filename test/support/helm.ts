/** Helm, built once from its Go module. Without Go there is none, and the tests that need it are skipped, unless TEST_REQUIRE_ALL=1. */
import { join } from "node:path";
import { goProgram } from "./go-program.ts";
import { type Finished, run } from "./run-command.ts";

const MODULE = join(import.meta.dir, "helm");
/** What a release of Helm is linked with: its version, and the Kubernetes that it takes for granted where it asks none. */
const LINKED = {
  "internal/version.version": "v3.19.0",
  "pkg/lint/rules.k8sVersionMajor": "1",
  "pkg/lint/rules.k8sVersionMinor": "34",
  "pkg/chartutil.k8sVersionMajor": "1",
  "pkg/chartutil.k8sVersionMinor": "34",
};

export type Helm = (args: readonly string[], input?: string) => Promise<Finished>;

export async function testHelm(): Promise<Helm | undefined> {
  const linkerFlags = Object.entries(LINKED)
    .map(([variable, value]) => `-X helm.sh/helm/v3/${variable}=${value}`)
    .join(" ");
  const program = await goProgram({ module: MODULE, command: "helm.sh/helm/v3/cmd/helm", linkerFlags });
  if (program) return (args, input) => run([program, ...args], input === undefined ? {} : { input });
  if (process.env["TEST_REQUIRE_ALL"] === "1") throw new Error("Cannot test charts: go is not installed");
  process.stderr.write("Tests of charts are skipped: go is not installed\n");
  return undefined;
}
