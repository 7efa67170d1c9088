/**
 * kwok beside the cluster: a node without a machine, whose pods run as soon as they have a place and end when they carry the word that their work is
 * done. Thousands of pods fit on it; who starts it plays their part and gives them that word. It ends with the process that started it.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Pod } from "#kube/kinds.ts";
import type { ClusterFacts } from "#test/support/cluster.ts";
import { output } from "#test/support/run-command.ts";
import { kwokProgram } from "./programs.ts";

const NODE = "kwok-node";
const MARK = "kwok.x-k8s.io/node";
/** The annotation of a pod whose work is done. */
const WORKED = "order.regards.io/test-worked";

/** What a pod needs to be put on the node. */
export const KWOK_PLACE = {
  nodeSelector: { [MARK]: "fake" },
  tolerations: [{ key: MARK, operator: "Exists", effect: "NoSchedule" }],
};

/** The change of a pod that lets it end. */
export const WORK_IS_DONE = { metadata: { annotations: { [WORKED]: "yes" } } };

export function mayEnd(pod: Pod): boolean {
  return pod.metadata.annotations?.[WORKED] !== undefined;
}

export async function startKwok(cluster: ClusterFacts): Promise<{ stop(): Promise<void> }> {
  const program = await kwokProgram();
  const folder = await mkdtemp(join(tmpdir(), "test-kwok-"));
  const config = join(folder, "stages.yaml");
  await writeFile(config, STAGES.map((stage) => JSON.stringify(stage)).join("\n---\n"));
  const node = {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: NODE, annotations: { [MARK]: "fake" }, labels: { [MARK]: "fake" } },
    spec: { taints: [{ key: MARK, value: "fake", effect: "NoSchedule" }] },
  };
  const kubectl = ["kubectl", "--kubeconfig", cluster.kubeconfig];
  await output([...kubectl, "apply", "-f", "-"], { input: JSON.stringify(node) });
  const child = Bun.spawn(
    [
      "setpriv",
      "--pdeathsig=KILL",
      program,
      `--config=${config}`,
      `--kubeconfig=${cluster.kubeconfig}`,
      "--manage-all-nodes=false",
      `--manage-nodes-with-annotation-selector=${MARK}=fake`,
      "--server-address=",
    ],
    { stdin: "ignore", stdout: "ignore", stderr: Bun.file(join(folder, "kwok.log")) },
  );
  const stop = async () => {
    child.kill();
    await child.exited;
    await output([...kubectl, "delete", "node", NODE, "--ignore-not-found"]);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await output([...kubectl, "wait", "--for=condition=Ready", `node/${NODE}`, "--timeout=60s"]);
    return { stop };
  } catch (error) {
    const said = await Bun.file(join(folder, "kwok.log")).text();
    await stop();
    throw new Error(`Cannot start kwok: ${said.slice(-2000)}`, { cause: error });
  }
}

function stage(name: string, when: readonly object[], next: object): object {
  return {
    apiVersion: "kwok.x-k8s.io/v1alpha1",
    kind: "Stage",
    metadata: { name },
    spec: { resourceRef: { apiGroup: "v1", kind: "Pod" }, selector: { matchExpressions: when }, next },
  };
}

const STAYS = { key: ".metadata.deletionTimestamp", operator: "DoesNotExist" };

/** The stages that kwok has of itself, and one condition more for the end. */
const STAGES = [
  stage("pod-ready", [STAYS, { key: ".status.podIP", operator: "DoesNotExist" }], {
    statusTemplate: `
{{ $now := Now }}
conditions:
{{ range $type := list "Initialized" "Ready" "ContainersReady" }}
- { type: {{ $type }}, status: "True", lastTransitionTime: {{ $now | Quote }} }
{{ end }}
containerStatuses:
{{ range .spec.containers }}
- image: {{ .image | Quote }}
  name: {{ .name | Quote }}
  ready: true
  restartCount: 0
  state: { running: { startedAt: {{ $now | Quote }} } }
{{ end }}
hostIP: {{ NodeIPWith .spec.nodeName | Quote }}
podIP: {{ PodIPWith .spec.nodeName false ( or .metadata.uid "" ) ( or .metadata.name "" ) ( or .metadata.namespace "" ) | Quote }}
phase: Running
startTime: {{ $now | Quote }}
`,
  }),
  stage(
    "pod-complete",
    [
      STAYS,
      { key: ".status.phase", operator: "In", values: ["Running"] },
      { key: `.metadata.annotations["${WORKED}"]`, operator: "Exists" },
    ],
    {
      statusTemplate: `
{{ $now := Now }}
containerStatuses:
{{ range .spec.containers }}
- image: {{ .image | Quote }}
  name: {{ .name | Quote }}
  ready: false
  restartCount: 0
  started: false
  state: { terminated: { exitCode: 0, reason: Completed, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }} } }
{{ end }}
phase: Succeeded
`,
    },
  ),
  stage("pod-delete", [{ key: ".metadata.deletionTimestamp", operator: "Exists" }], {
    finalizers: { empty: true },
    delete: true,
  }),
];
