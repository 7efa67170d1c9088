/**
 * What can be reached from a pod, found out from within: by a pod of its own, or a container put beside those of a pod that runs. It is asked again and
 * again, since who enforces policies learns of pods and policies a moment after they are there.
 */
import { eventually, LIMIT } from "#test/support/eventually.ts";
import type { TenantGround } from "./tenant-ground.ts";

/** Addresses by the names that tests give them. */
export type Targets = Readonly<Record<string, string>>;

/** Containers of the dialer that ask, or listen. */
export function dialerPod(o: {
  readonly name: string;
  readonly namespace: string;
  readonly image: string;
  readonly args: readonly string[];
}) {
  const { name, namespace, image, args } = o;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, labels: { app: name } },
    spec: {
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 0,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
      containers: [
        {
          name: "dialer",
          image,
          imagePullPolicy: "Never",
          args,
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
        },
      ],
    },
  };
}

export function reachArguments(targets: Targets): readonly string[] {
  return ["reach", ...Object.entries(targets).map(([name, address]) => `${name}=${address}`)];
}

/** Puts a dialer beside the containers of a pod of the tenant, in the same network. */
export async function dialBeside(
  ground: TenantGround,
  o: { readonly pod: string; readonly image: string; readonly container: string; readonly targets: Targets },
): Promise<void> {
  const how = ["--image-pull-policy=Never", "--profile=restricted", `--container=${o.container}`];
  const command = ["/dialer", ...reachArguments(o.targets)];
  await ground.kubectl(["debug", `pod/${o.pod}`, `--image=${o.image}`, ...how, "--", ...command]);
}

/** Waits until a dialer's last round reached these targets and no other. */
export async function reaches(
  ground: TenantGround,
  o: { readonly pod: string; readonly namespace?: string; readonly container: string },
  wanted: readonly string[],
): Promise<void> {
  const logs = ["logs", o.pod, "-c", o.container, "--tail=1", ...(o.namespace ? ["-n", o.namespace] : [])];
  await eventually(
    `'${o.pod}' reaches what it may and no more`,
    async () => {
      const reached = JSON.parse(await ground.kubectl(logs)) as readonly string[];
      const [more, less] = [without(reached, wanted), without(wanted, reached)];
      if (more.length + less.length === 0) return true;
      throw new Error(`it reaches [${more}] although it may not, and does not reach [${less}]`);
    },
    LIMIT.slow,
  );
}

function without(names: readonly string[], others: readonly string[]): readonly string[] {
  return names.filter((name) => !others.includes(name));
}
