/** The life of a release: another version comes while an order is being fetched, the one before comes back, all of it goes and comes again. Orders stay. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { clusterUnderTest } from "#test/support/cluster.ts";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { output } from "#test/support/run-command.ts";
import { programImage } from "./images.ts";
import { FULLNAME, installRelease, RELEASE, type Release } from "./release.ts";
import { type TenantGround, tenantGround } from "./tenant-ground.ts";
import { tokenFor } from "./token.ts";

const cluster = clusterUnderTest();
const BYTES = new Uint8Array(200_000).fill(9);
const SLOWLY = { pieceBytes: 2_000, everyMs: 150 };
const NEXT = "next";

describe.skipIf(!cluster)("the life of a release", () => {
  let ground: TenantGround;
  let release: Release;
  let image: string;

  beforeAll(async () => {
    if (!cluster) return;
    image = await programImage(cluster);
    const [repository] = image.split(":");
    await output([
      "ctr",
      "-a",
      cluster.runtime,
      "-n",
      "k8s.io",
      "images",
      "tag",
      "--force",
      image,
      `${repository}:${NEXT}`,
    ]);
    ground = await tenantGround(cluster, "upgrade");
    release = await installRelease(ground, image);
  }, 4 * LIMIT.slow);
  afterAll(() => ground.close(), 2 * LIMIT.slow);

  const get = (what: string, path: string) => ground.kubectl(["get", ...what.split(" "), "-o", `jsonpath=${path}`]);
  const podRuns = (order: string) =>
    eventually(
      `a pod of ${order} runs`,
      async () =>
        (await get(`pods -l batch.kubernetes.io/job-name=${order}-1-a1`, "{.items[*].status.phase}")) === "Running",
      LIMIT.slow,
    );
  const images = async () =>
    new Set(
      await Promise.all(
        ["api", "operator"].map((role) =>
          get(`deployment ${FULLNAME}-${role}`, "{.spec.template.spec.containers[0].image}"),
        ),
      ),
    );
  async function orderIsDone(name: string): Promise<void> {
    await ground.products(name, [BYTES]);
    await ground.order(name);
    await ground.wait(name, "Succeeded");
  }

  test(
    "another version comes while an order is fetched: its pod goes on, and the order ends",
    async () => {
      await ground.products("through", [BYTES], { pace: SLOWLY });
      await ground.order("through");
      await podRuns("through");
      const pod = await get("pods -l batch.kubernetes.io/job-name=through-1-a1", "{.items[0].metadata.uid}");
      await release.upgrade({ image: { tag: NEXT }, operator: { replicas: 1 } });
      expect([...(await images())]).toEqual([`${image.split(":")[0]}:${NEXT}`]);
      await ground.wait("through", "Succeeded");
      expect(await get("pods -l batch.kubernetes.io/job-name=through-1-a1", "{.items[*].metadata.uid}")).toBe(pod);
      await orderIsDone("after-upgrade");
      expect(
        await get("pods -l batch.kubernetes.io/job-name=after-upgrade-1-a1", "{.items[0].spec.containers[0].image}"),
      ).toEndWith(`:${NEXT}`);
    },
    4 * LIMIT.slow,
  );

  test(
    "the version before comes back, with its values, also when a newer program has migrated the database",
    async () => {
      await ground.db`INSERT INTO migrations (name, hash) VALUES ('9999_of_a_newer_program.sql', 'unknown')`;
      await release.helm(["rollback", RELEASE, "1", "--wait", "--timeout=2m"]);
      expect([...(await images())]).toEqual([image]);
      expect(await get(`deployment ${FULLNAME}-operator`, "{.status.readyReplicas}")).toBe("2");
      await orderIsDone("after-rollback");
    },
    4 * LIMIT.slow,
  );

  test(
    "a release that is uninstalled leaves orders and files, and one that is installed again goes on with them",
    async () => {
      await release.helm(["uninstall", RELEASE, "--wait", "--timeout=90s"]);
      expect(await get(`deployments,roles,services -l app.kubernetes.io/instance=${RELEASE}`, "{.items}")).toBe("[]");
      await ground.products("meanwhile", [BYTES]);
      await ground.order("meanwhile");
      const again = await installRelease(ground, image);
      await ground.wait("meanwhile", "Succeeded");
      const orderId = await get("order through", "{.status.orderId}");
      const headers = { authorization: `Bearer ${await tokenFor(ground, again.url)}` };
      const zip = await fetch(`${again.url}/api/v1/rs-order/user/orders/${orderId}/download`, { headers });
      expect([zip.status, (await zip.bytes()).length > BYTES.length]).toEqual([200, true]);
    },
    5 * LIMIT.slow,
  );
});
