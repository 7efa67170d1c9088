/** The programs of the test bed that Debian has not, or not new enough, each built from a Go module of exact versions (see support/go-program.ts). */
import { join } from "node:path";
import { goProgram } from "#test/support/go-program.ts";
import { output } from "#test/support/run-command.ts";

const FOLDER = join(import.meta.dir, "programs");

/** etcd, the control plane and the node's agents in one program, chosen by the first argument. */
export async function kubeProgram(): Promise<string> {
  const module = join(FOLDER, "kube");
  const text = await Bun.file(join(module, "go.mod")).text();
  const version = /k8s\.io\/kubernetes (v(\d+)\.(\d+)\.\S+)/.exec(text);
  if (!version) throw new Error("Cannot build the cluster: no version of k8s.io/kubernetes in its go.mod");
  const [, gitVersion, gitMajor, gitMinor] = version;
  const linkerFlags = Object.entries({ gitVersion, gitMajor, gitMinor })
    .map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`)
    .join(" ");
  return built({ module, linkerFlags });
}

/** Holds the namespaces of a pod; needs nothing but the kernel. */
export function pauseProgram(): Promise<string> {
  return built({ module: join(FOLDER, "pause") });
}

/** What an administrator might bring as the program of a Process. */
export function sampleProgram(): Promise<string> {
  return built({ module: join(FOLDER, "sample") });
}

/** Tells what can be reached from where it runs. */
export function dialerProgram(): Promise<string> {
  return built({ module: join(FOLDER, "dialer") });
}

/** Plays nodes and pods for thousands of Jobs; for measurements only, since its build takes minutes. */
export function kwokProgram(): Promise<string> {
  return built({ module: join(FOLDER, "kwok"), command: "sigs.k8s.io/kwok/cmd/kwok" });
}

/** Kueue, and the folder of its sources, where its definitions lie. */
export async function kueueProgram(): Promise<{ readonly program: string; readonly source: string }> {
  const module = join(FOLDER, "kueue");
  const program = await built({ module, command: "sigs.k8s.io/kueue/cmd/kueue" });
  const downloaded = await output(["go", "mod", "download", "-json", "sigs.k8s.io/kueue"], { cwd: module });
  return { program, source: (JSON.parse(downloaded) as { readonly Dir: string }).Dir };
}

async function built(program: Parameters<typeof goProgram>[0]): Promise<string> {
  const path = await goProgram(program);
  if (!path) throw new Error("Cannot build the cluster: go is not installed");
  return path;
}
