/** A release that goes on: leaders killed, told to go and frozen, a new version under load, database and API server away, a neighbour that is none of its business. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { clusterUnderTest } from "#test/support/cluster.ts";
import { type DatabaseWriters, noteDatabaseWriters } from "#test/support/database-writers.ts";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { askedBy, isWrite } from "../audit.ts";
import { programImage } from "../images.ts";
import { leadingPod, signalOperator, signalProcesses } from "../operators.ts";
import { FULLNAME, installRelease, type Release } from "../release.ts";
import { type TenantGround, tenantGround } from "../tenant-ground.ts";
import { tokenFor } from "../token.ts";

const cluster = clusterUnderTest();
const PREFIX = "/api/v1/rs-order";
const BYTES = new Uint8Array(200_000).fill(7);
const SLOWLY = { pieceBytes: 2_000, everyMs: 100 };
/** How long nobody may act after the leader died without a word, and after it said good-bye (its lease would last longer). */
const KILLED_SECONDS = 20;
const TERMINATED_SECONDS = 10;

describe.skipIf(!cluster)("a release", () => {
  let ground: TenantGround;
  let release: Release;
  let image: string;
  let writers: DatabaseWriters;

  beforeAll(async () => {
    if (!cluster) return;
    image = await programImage(cluster);
    ground = await tenantGround(cluster, "available");
    release = await installRelease(ground, image);
    writers = await noteDatabaseWriters(ground.db);
  }, 4 * LIMIT.slow);
  afterAll(() => ground.close(), 2 * LIMIT.slow);

  const ready = (role: string) =>
    ground.kubectl(["rollout", "status", `deployment/${FULLNAME}-${role}`, "--timeout=60s"]);
  const leader = () => leadingPod(ground);
  const restarts = (pod: string) =>
    ground.kubectl(["get", "pod", pod, "-o", "jsonpath={.status.containerStatuses[0].restartCount}"]);
  /** What is done in the meantime must end well before its probe has failed for a minute: then it would be another process. */
  async function whileFrozen<T>(pod: string, act: () => Promise<T>): Promise<T> {
    signalOperator("SIGSTOP", pod);
    try {
      return await act();
    } finally {
      signalOperator("SIGCONT", pod);
    }
  }

  test(
    "a leader that was killed is followed by another, which acts within 20 s",
    async () => {
      await ready("operator");
      await ground.products("killed", [BYTES]);
      const before = await leader();
      signalOperator("SIGKILL", before);
      await ground.order("killed");
      await ground.wait("killed", "Accepted", KILLED_SECONDS);
      await ground.wait("killed", "Succeeded");
    },
    2 * LIMIT.slow,
  );

  test(
    "a leader that is told to go hands over at once, not when its lease runs out",
    async () => {
      await ready("operator");
      await ground.products("told", [BYTES]);
      const before = await leader();
      await ground.kubectl(["delete", "pod", before, "--wait=false"]);
      await ground.order("told");
      await ground.wait("told", "Accepted", TERMINATED_SECONDS);
      expect(await leader()).not.toBe(before);
      await ground.wait("told", "Succeeded");
    },
    2 * LIMIT.slow,
  );

  test(
    "a leader that is frozen in the middle of its work and thawed writes nothing without the lease, and stands by",
    async () => {
      if (!cluster) return;
      await ready("operator");
      await ground.products("frozen", [BYTES], { pace: SLOWLY });
      await ground.products("meanwhile", [BYTES]);
      await ground.products("thawed", [BYTES]);
      await ground.order("frozen");
      await ground.wait("frozen", "Resolved");
      const frozen = await leader();
      const lives = await restarts(frozen);
      const thawed = await whileFrozen(frozen, async () => {
        await ground.order("meanwhile");
        await ground.wait("meanwhile", "Accepted", KILLED_SECONDS);
        expect(await leader()).not.toBe(frozen);
        await ground.order("thawed");
        return { at: new Date(), atDatabase: await writers.now() };
      });
      await eventually(
        "it knows that it has lost",
        async () => (await ground.kubectl(["logs", frozen])).includes("Leadership lost"),
        LIMIT.slow,
      );
      for (const name of ["frozen", "meanwhile", "thawed"]) await ground.wait(name, "Succeeded");
      await ground.kubectl(["wait", "--for=condition=Ready", `pod/${frozen}`, "--timeout=40s"]);

      const asked = (await askedBy(cluster, ground.namespace, FULLNAME)).filter(
        ({ pod, at }) => pod === frozen && at > thawed.at,
      );
      // What it may do is ask for the lease, like anybody.
      expect(asked.filter((each) => isWrite(each) && each.resource !== "leases")).toEqual([]);
      expect(asked.filter(({ resource }) => resource === "leases").length).toBeGreaterThan(0);
      expect(await writers.writesOf(`regards-order operator ${frozen}`, thawed.atDatabase)).toBe(0);
      expect(await restarts(frozen)).toBe(lives);

      // The last one left must be the one that was frozen: it leads again, and works.
      await ground.kubectl(["annotate", "pod", frozen, "controller.kubernetes.io/pod-deletion-cost=100"]);
      await ground.kubectl(["scale", `deployment/${FULLNAME}-operator`, "--replicas=1"]);
      await eventually("it leads again", async () => (await leader()) === frozen, LIMIT.slow);
      await ground.products("again", [BYTES]);
      await ground.order("again");
      await ground.wait("again", "Succeeded");
      await ground.kubectl(["scale", `deployment/${FULLNAME}-operator`, "--replicas=2"]);
    },
    5 * LIMIT.slow,
  );

  test(
    "a new version of the API comes without one failed request",
    async () => {
      const headers = { authorization: `Bearer ${await tokenFor(ground, release.url)}`, connection: "close" };
      const failures: string[] = [];
      let answered = 0;
      let going = true;
      const asking = Array.from({ length: 4 }, async () => {
        while (going) {
          const status = await fetch(`${release.url}${PREFIX}/user/orders`, { headers }).then(
            (answer) => answer.status,
            String,
          );
          if (status === 200) answered++;
          else failures.push(String(status));
        }
      });
      await ground.kubectl(["rollout", "restart", `deployment/${FULLNAME}-api`]);
      await ground.kubectl(["rollout", "status", `deployment/${FULLNAME}-api`, "--timeout=100s"]);
      const old = async () =>
        (await ground.kubectl(["get", "pods", "-l", "app.kubernetes.io/component=api", "-o", "name"])).split("\n")
          .length;
      await eventually("the old pods are gone", async () => (await old()) === 2, LIMIT.slow);
      going = false;
      await Promise.all(asking);
      expect(failures).toEqual([]);
      expect(answered).toBeGreaterThan(100);
    },
    4 * LIMIT.slow,
  );

  test(
    "two tenants with orders of one name have each their own, and a user of one is nobody to the other",
    async () => {
      if (!cluster) return;
      const other = await tenantGround(cluster, "neighbour");
      try {
        const { url } = await installRelease(other, image);
        await ground.products("same", [BYTES]);
        await other.products("same", [BYTES.slice(1), BYTES.slice(2)]);
        await Promise.all([ground.order("same"), other.order("same")]);
        await Promise.all([ground.wait("same", "Succeeded"), other.wait("same", "Succeeded")]);
        const available = (tenant: TenantGround) =>
          tenant.kubectl(["get", "order", "same", "-o", "jsonpath={.status.files.available}"]);
        expect([await available(ground), await available(other)]).toEqual(["1", "2"]);
        const headers = { authorization: `Bearer ${await tokenFor(ground, release.url)}` };
        expect((await fetch(`${release.url}${PREFIX}/user/orders`, { headers })).status).toBe(200);
        expect((await fetch(`${url}${PREFIX}/user/orders`, { headers })).status).toBe(401);
      } finally {
        await other.close();
      }
    },
    5 * LIMIT.slow,
  );

  // The last: for a while after it, the controllers of Kubernetes wait out their back-offs.
  test(
    "an order survives that the database and the API server go away under it",
    async () => {
      await ground.products("survivor", [BYTES], { pace: SLOWLY });
      await ground.order("survivor");
      await ground.wait("survivor", "Resolved");
      ground.databaseDoor.refuse();
      signalProcesses("SIGKILL", cluster?.folder ?? "", "kube-apiserver");
      await eventually("the API server is back", () => ground.kubectl(["get", "order", "survivor"]), LIMIT.slow);
      ground.databaseDoor.accept();
      await ground.wait("survivor", "Succeeded");
    },
    3 * LIMIT.slow,
  );
});
