/**
 * The chart's NetworkPolicies, enforced: what the pods of a release reach and who reaches them, tried from within them and from pods beside. That all of
 * a release works under its policies is what the other tests of releases show.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { clusterUnderTest } from "#test/support/cluster.ts";
import { LIMIT } from "#test/support/eventually.ts";
import { dialBeside, dialerPod, reachArguments, reaches, type Targets } from "./dialer.ts";
import { dialerImage, programImage } from "./images.ts";
import { type LinkLocal, linkLocal } from "./link-local.ts";
import { type Outside, outside } from "./outside.ts";
import { installRelease, RELEASE, type Release } from "./release.ts";
import { type TenantGround, tenantGround } from "./tenant-ground.ts";
import { tokenFor } from "./token.ts";

const cluster = clusterUnderTest();
const ROLES = ["api", "operator", "amqp"];
const METRICS = ROLES.map((role) => `${role}-metrics`);
const NAMES = "names";
/** What is outside of the release and has no policy of its own. */
const OUTSIDE = ["database", "source", "bucket", "same-port"];
const ALL = [...OUTSIDE, NAMES, "kubernetes", "other-port", "metadata", "api", ...METRICS];
const BESIDE = ALL.filter((name) => name !== "api" && !METRICS.includes(name));
/** No role, and no Job, listens on it. */
const OTHER_PORT = 7000;
const SLOWLY = { pieceBytes: 100, everyMs: 100 };

describe.skipIf(!cluster)("the network of a tenant on a real cluster", () => {
  let ground: TenantGround;
  let release: Release;
  let beside: Outside;
  let metadata: LinkLocal;
  let dialer: string;
  let targets: Targets;
  let edge: string;
  /** One of each role. */
  const pods: Record<string, string> = {};

  const podOf = (role: string) =>
    ground.get(
      `pods -l app.kubernetes.io/component=${role} --field-selector=status.phase=Running`,
      "{.items[0].metadata.name}",
    );
  const addressOf = (pod: string, namespace: string) => ground.get(`pod ${pod} -n ${namespace}`, "{.status.podIP}");
  const peer = (app: string) => ({
    namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": edge } },
    podSelector: { matchLabels: { app } },
  });
  const runPod = (name: string, namespace: string, args: readonly string[]) => {
    const pod = dialerPod({ name, namespace, image: dialer, args });
    return ground.kubectl(["apply", "-n", namespace, "-f", "-"], JSON.stringify(pod));
  };
  const isReady = (name: string, namespace: string) =>
    ground.kubectl(["wait", "-n", namespace, "--for=condition=Ready", `pod/${name}`, "--timeout=60s"]);

  beforeAll(async () => {
    if (!cluster) return;
    const image = await programImage(cluster);
    dialer = await dialerImage(cluster);
    ground = await tenantGround(cluster, "network");
    edge = `${ground.namespace}-edge`;
    beside = await outside(ground);
    release = await installRelease(ground, image, {
      ...beside.values,
      networkPolicy: {
        ...beside.values.networkPolicy,
        ingressFrom: [peer("gateway"), { ipBlock: { cidr: `${cluster.machine}/32` } }],
        metricsFrom: [peer("prometheus")],
      },
    });
    const port = ground.source.port;
    metadata = await linkLocal(cluster, [53, port]);
    const listening = [port, OTHER_PORT].map((each) => `0.0.0.0:${each}`);
    await ground.kubectl(["create", "namespace", edge]);
    await runPod("neighbour", edge, ["listen", ...listening]);
    await isReady("neighbour", edge);
    const neighbour = await addressOf("neighbour", edge);
    const metrics: Record<string, string> = {};
    for (const role of ROLES) {
      pods[role] = await podOf(role);
      metrics[`${role}-metrics`] = `${await addressOf(pods[role], ground.namespace)}:9080`;
    }
    targets = {
      database: `${cluster.machine}:${ground.databaseDoor.port}`,
      source: `${cluster.machine}:${port}`,
      bucket: new URL(beside.values.blobs.s3.endpoint).host,
      kubernetes: `${await ground.get("service kubernetes -n default", "{.spec.clusterIP}")}:443`,
      "same-port": `${neighbour}:${port}`,
      "other-port": `${neighbour}:${OTHER_PORT}`,
      metadata: `${metadata.address}:${port}`,
      [NAMES]: `${metadata.address}:53`,
      api: `${new URL(release.url).host}:80`,
      ...metrics,
    };
  }, 6 * LIMIT.slow);
  afterAll(async () => {
    await ground.kubectl(["delete", "namespace", edge, "--ignore-not-found", "--timeout=60s"]);
    await ground.close();
    await beside.close();
    await metadata.stop();
  }, 3 * LIMIT.slow);

  test(
    "the API and metrics are there for who is named, and for nobody else",
    async () => {
      const may = {
        gateway: { namespace: edge, wanted: [...BESIDE, "api"] },
        prometheus: { namespace: edge, wanted: [...BESIDE, ...METRICS] },
        stranger: { namespace: ground.namespace, wanted: BESIDE },
      };
      for (const [name, { namespace }] of Object.entries(may)) await runPod(name, namespace, reachArguments(targets));
      for (const [name, { namespace, wanted }] of Object.entries(may)) {
        await isReady(name, namespace);
        await reaches(ground, { pod: name, namespace, container: "dialer" }, wanted);
      }
      expect(await tokenFor(ground, release.url)).toBeString();
    },
    4 * LIMIT.slow,
  );

  test(
    "the installation's own test passes although it is not among them",
    async () => {
      expect(await release.helm(["test", RELEASE, "--timeout=90s"])).toMatch(/Phase:\s+Succeeded/);
    },
    2 * LIMIT.slow,
  );

  test(
    "roles reach what they are told, and neither cloud metadata nor each other",
    async () => {
      for (const role of ROLES) {
        const name = pods[role] ?? "";
        await dialBeside(ground, { pod: name, image: dialer, container: "dialer", targets });
        const where = { pod: name, container: "dialer" };
        // What a pod says to itself is nobody's business.
        await reaches(ground, where, [...OUTSIDE, NAMES, "kubernetes", `${role}-metrics`]);
      }
    },
    4 * LIMIT.slow,
  );

  test(
    "a Job's pod reaches the database, sources and stores, not Kubernetes; and whom it is told, where it is told",
    async () => {
      await ground.products("slow", [new Uint8Array(200_000)], { pace: SLOWLY });
      await ground.order("slow");
      await ground.aPodRuns("slow");
      const name = await ground.get("pods -l batch.kubernetes.io/job-name=slow-1-a1", "{.items[0].metadata.name}");
      const dial = async (container: string, wanted: readonly string[]) => {
        await dialBeside(ground, { pod: name, image: dialer, container, targets });
        await reaches(ground, { pod: name, container }, wanted);
      };
      await dial("before", [...OUTSIDE, NAMES]);
      const jobsTo = [{ ipBlock: { cidr: `${ground.cluster.machine}/32` } }];
      await release.upgrade({ networkPolicy: { jobsTo } });
      await dial("after", ["database", "source", "bucket", NAMES]);
    },
    6 * LIMIT.slow,
  );
});
