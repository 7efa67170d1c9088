/** A release that goes on: leaders killed and told to go, a new version under load, database and API server away, a neighbour that is none of its business. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { clusterUnderTest } from "#test/support/cluster.ts";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { processesOf } from "#test/support/processes.ts";
import { programImage } from "./images.ts";
import { FULLNAME, installRelease, type Release } from "./release.ts";
import { type TenantGround, tenantGround } from "./tenant-ground.ts";
import { tokenFor } from "./token.ts";

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

  beforeAll(async () => {
    if (!cluster) return;
    image = await programImage(cluster);
    ground = await tenantGround(cluster, "available");
    release = await installRelease(ground, image);
  }, 4 * LIMIT.slow);
  afterAll(() => ground.close(), 2 * LIMIT.slow);

  const lease = (path: string) =>
    ground.kubectl(["get", "lease", `${FULLNAME}-operator`, "-o", `jsonpath={.spec.${path}}`]);
  const ready = (role: string) =>
    ground.kubectl(["rollout", "status", `deployment/${FULLNAME}-${role}`, "--timeout=60s"]);
  /** Pod of the operator that acts. */
  const leader = async () => (await lease("holderIdentity")).replace(/_.*/, "");
  /** The processes on this machine whose environment or command line has the word. */
  function kill(word: string, command: string): void {
    const found = processesOf(word).filter((line) => line.includes(command));
    expect(found.length).toBeGreaterThan(0);
    for (const line of found) process.kill(Number.parseInt(line, 10), "SIGKILL");
  }

  test(
    "a leader that was killed is followed by another, which acts within 20 s",
    async () => {
      await ready("operator");
      await ground.products("killed", [BYTES]);
      const before = await leader();
      kill(before, "regards-order operator");
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
      kill(cluster?.folder ?? "", "kube-apiserver");
      await eventually("the API server is back", () => ground.kubectl(["get", "order", "survivor"]), LIMIT.slow);
      ground.databaseDoor.accept();
      await ground.wait("survivor", "Succeeded");
    },
    3 * LIMIT.slow,
  );
});
