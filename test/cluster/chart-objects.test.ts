/** Every object of the tenant chart, with everything switched on, as the API server takes it: strictly, without a word that it does not know. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { LEAST, MOST, type Rendered, render } from "#test/charts/rendered.ts";
import { clusterUnderTest } from "#test/support/cluster.ts";
import { LIMIT } from "#test/support/eventually.ts";
import { testHelm } from "#test/support/helm.ts";
import { listOf } from "#test/support/kube-objects.ts";
import { type Finished, output, run } from "#test/support/run-command.ts";

const cluster = clusterUnderTest();
const helm = await testHelm();
/** Kinds of programs that the test bed has not. */
const FOREIGN = ["HTTPRoute", "ScaledObject", "ServiceMonitor", "PrometheusRule"];
/** Where the rendered objects say that they are. */
const NAMESPACE = "landsat";

describe.skipIf(!cluster || !helm)("objects of the tenant chart", () => {
  const kubectl = (args: readonly string[], input?: string): Promise<Finished> =>
    run(["kubectl", "--kubeconfig", cluster?.kubeconfig ?? "", ...args], input === undefined ? {} : { input });
  beforeAll(async () => {
    const labels = "pod-security.kubernetes.io/enforce=restricted";
    await output(["kubectl", "--kubeconfig", cluster?.kubeconfig ?? "", "create", "namespace", NAMESPACE]);
    await kubectl(["label", "namespace", NAMESPACE, labels]);
  });
  afterAll(async () => {
    await kubectl(["delete", "namespace", NAMESPACE, "--wait=false"]);
  });

  const variants: Record<string, object> = {
    "the least": LEAST,
    "the most": MOST,
    "a claim of its own": { ...LEAST, blobs: { claim: { create: true } } },
    "what the cluster chooses": { ...LEAST, runAs: { user: null, group: null, fsGroup: null } },
  };
  for (const [name, values] of Object.entries(variants)) {
    test(
      `are taken: ${name}`,
      async () => {
        if (!helm) return;
        const items = (await render(helm, values)).all.filter(({ kind }: Rendered) => !FOREIGN.includes(kind));
        const list = listOf(items);
        const { code, stdout, stderr } = await kubectl(
          ["apply", "--dry-run=server", "--validate=strict", "-f", "-"],
          list,
        );
        // Warnings are where Pod Security speaks of templates that would be refused.
        expect([code, stderr]).toEqual([0, ""]);
        expect(stdout.trim().split("\n")).toHaveLength(items.length);
      },
      LIMIT.slow,
    );
  }
});
