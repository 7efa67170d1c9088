/** A whole tenant in pods: an order from `kubectl apply` to its bytes through the Service, what users do to orders, and what the audit log says of it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { clusterUnderTest } from "#test/support/cluster.ts";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { temporaryFolder } from "#test/support/folder.ts";
import { output } from "#test/support/run-command.ts";
import { allowed, askedBy, kinds } from "./audit.ts";
import { programImage } from "./images.ts";
import { FULLNAME, installRelease, RELEASE, type Release } from "./release.ts";
import { type TenantGround, tenantGround } from "./tenant-ground.ts";
import { tokenFor } from "./token.ts";

const cluster = clusterUnderTest();
const PREFIX = "/api/v1/rs-order";
const BYTES = new Uint8Array(200_000).map((_, index) => index % 251);
/** Rights that are used after faults or by the way events fall, and those that the API server looks for without being asked for them. */
const NOT_ALWAYS_ASKED = [
  "api: get order.regards.io orders",
  "operator: create order.regards.io orders",
  "operator: delete batch jobs",
  "operator: get batch jobs",
  "operator: get order.regards.io orders",
  "operator: patch events.k8s.io events",
  "operator: update order.regards.io orders/finalizers",
  "operator: update order.regards.io suborders/finalizers",
];
const SLOWLY = { pieceBytes: 2_000, everyMs: 100 };

describe.skipIf(!cluster)("a tenant on a real cluster", () => {
  let ground: TenantGround;
  let release: Release;
  let headers: Record<string, string>;
  const folder = temporaryFolder("tenant");

  beforeAll(async () => {
    if (!cluster) return;
    const image = await programImage(cluster);
    ground = await tenantGround(cluster, "tenant");
    release = await installRelease(ground, image);
    headers = { authorization: `Bearer ${await tokenFor(ground, release.url)}`, "content-type": "application/json" };
  }, 4 * LIMIT.slow);
  afterAll(async () => {
    await ground.close();
    folder.remove();
  }, 2 * LIMIT.slow);

  const get = (what: string, path: string) => ground.kubectl(["get", ...what.split(" "), "-o", `jsonpath=${path}`]);
  const patch = (name: string, spec: object) =>
    ground.kubectl(["patch", "order", name, "--type=merge", "-p", JSON.stringify({ spec })]);
  const call = (path: string, init: RequestInit = {}) => fetch(`${release.url}${PREFIX}${path}`, { headers, ...init });
  const reason = (name: string) => get(`order ${name}`, `{.status.conditions[?(@.type=="Succeeded")].reason}`);
  const aPodRuns = (order: string) =>
    eventually(
      `a pod of ${order} runs`,
      async () =>
        (await get(`pods -l batch.kubernetes.io/job-name=${order}-1-a1`, "{.items[*].status.phase}")).includes(
          "Running",
        ),
      LIMIT.slow,
    );
  const podsAreGone = (order: string) =>
    eventually(
      `no pod of ${order} is left`,
      async () => (await get(`pods -l batch.kubernetes.io/job-name=${order}-1-a1`, "{.items[*].metadata.name}")) === "",
      LIMIT.slow,
    );

  test(
    "the installation's own test passes",
    async () => {
      expect(await release.helm(["test", RELEASE, "--timeout=90s"])).toMatch(/Phase:\s+Succeeded/);
    },
    2 * LIMIT.slow,
  );

  test(
    "an order applied with kubectl is fetched by pods and downloaded through the Service",
    async () => {
      await ground.products("walk", [BYTES, BYTES.slice(5)]);
      await ground.order("walk");
      await ground.wait("walk", "Succeeded");
      const orderId = await get("order walk", "{.status.orderId}");
      const archive = join(folder.path, "walk.zip");
      await Bun.write(archive, await call(`/user/orders/${orderId}/download`));
      await mkdir(join(folder.path, "walk"));
      await output(["unzip", "-q", "-j", archive, "-d", join(folder.path, "walk")]);
      for (const [name, want] of [
        ["walk-0.tif", BYTES],
        ["walk-1.tif", BYTES.slice(5)],
      ] as const) {
        expect(Buffer.compare(await Bun.file(join(folder.path, "walk", name)).bytes(), want)).toBe(0);
      }
    },
    2 * LIMIT.slow,
  );

  test(
    "an order over REST becomes a resource, and is removed over REST with its Jobs and files",
    async () => {
      await ground.products("rest", [BYTES]);
      const body = JSON.stringify({ queries: ['name:"rest"'], filters: { dataTypes: ["RAWDATA"] } });
      const answer = await call("/user/orders/apply", { method: "POST", body });
      expect(answer.status).toBe(201);
      const { orderId } = (await answer.json()) as { orderId: number };
      const name = `order-${orderId}`;
      await eventually("the resource is there", () => get(`order ${name}`, "{.metadata.uid}"));
      await ground.wait(name, "Succeeded");
      expect((await call(`/user/orders/${orderId}`, { method: "DELETE" })).status).toBe(200);
      await eventually(
        "its status is DELETED",
        async () => {
          const { content } = (await (await call(`/user/orders/${orderId}`)).json()) as { content: { status: string } };
          return content.status === "DELETED";
        },
        LIMIT.slow,
      );
    },
    2 * LIMIT.slow,
  );

  test(
    "a pause over REST takes the pods away, the end of it finishes the order",
    async () => {
      await ground.products("paused", [BYTES], { pace: SLOWLY });
      await ground.order("paused");
      await aPodRuns("paused");
      const orderId = await get("order paused", "{.status.orderId}");
      expect((await call(`/user/orders/pause/${orderId}`, { method: "PUT" })).status).toBe(200);
      await ground.wait("paused", "Suspended");
      await podsAreGone("paused");
      expect((await call(`/user/orders/resume/${orderId}`, { method: "PUT" })).status).toBe(200);
      await ground.wait("paused", "Succeeded");
    },
    3 * LIMIT.slow,
  );

  test("a process is looked for by name and by id, and that there is none is said", async () => {
    await ground.products("basket", [BYTES]);
    const selectionRequest = { engineType: "legacy", searchParameters: { q: ['name:"basket"'] } };
    const added = await call("/order/basket/selection", { method: "POST", body: JSON.stringify(selectionRequest) });
    const { content } = (await added.json()) as { content: { datasetSelections: { id: number }[] } };
    const path = `/order/basket/dataset/${content.datasetSelections[0]?.id}/updateProcessing`;
    const body = JSON.stringify({ processBusinessId: crypto.randomUUID() });
    expect((await call(path, { method: "PUT", body })).status).toBe(404);
  });

  test(
    "a cancelled order stops its pods and says so",
    async () => {
      await ground.products("cancelled", [BYTES], { pace: SLOWLY });
      await ground.order("cancelled");
      await aPodRuns("cancelled");
      await patch("cancelled", { shutdown: "Cancel" });
      await podsAreGone("cancelled");
      await ground.wait("cancelled", "Succeeded=False");
      expect(await reason("cancelled")).toBe("Cancelled");
    },
    2 * LIMIT.slow,
  );

  test(
    "a retry fetches what the source did not have",
    async () => {
      await ground.products("retried", [BYTES]);
      const file = ground.source.files.get("/retried-0");
      ground.source.files.delete("/retried-0");
      await ground.order("retried");
      await ground.wait("retried", "Succeeded=False");
      if (file) ground.source.files.set("/retried-0", file);
      await patch("retried", { retry: 1 });
      await ground.wait("retried", "Succeeded");
    },
    2 * LIMIT.slow,
  );

  test(
    "a deletion waits for the clean-up of the operator, and takes everything along",
    async () => {
      await ground.products("deleted", [BYTES], { pace: SLOWLY });
      await ground.order("deleted");
      await aPodRuns("deleted");
      expect(await get("order deleted", "{.metadata.finalizers[0]}")).toBe("order.regards.io/cleanup");
      await ground.kubectl(["delete", "order", "deleted", "--timeout=40s"]);
      await podsAreGone("deleted");
      expect(await ground.kubectl(["get", "suborders,jobs", "-o", "name"])).not.toContain("deleted");
    },
    2 * LIMIT.slow,
  );

  test("nothing was refused, and nothing asked for that the Roles do not say, nor do they say more", async () => {
    if (!cluster) return;
    const asked = await askedBy(cluster, ground.namespace, FULLNAME);
    expect(asked.filter(({ code }) => code === 403)).toEqual([]);
    expect(asked.filter(({ namespace }) => namespace !== ground.namespace)).toEqual([]);
    const may = allowed(await release.rules());
    const did = kinds(asked);
    expect(did.filter((kind) => !may.includes(kind))).toEqual([]);
    expect(may.filter((kind) => !did.includes(kind) && !NOT_ALWAYS_ASKED.includes(kind))).toEqual([]);
  });

  test(
    "a tenant is taken down as the guide says, an order still being fetched, and nothing of it holds up its namespace",
    async () => {
      await ground.products("doomed", [BYTES], { pace: SLOWLY });
      await ground.order("doomed");
      await aPodRuns("doomed");
      await ground.kubectl(["delete", "orders", "--all", "--timeout=60s"]);
      await release.helm(["uninstall", RELEASE, "--wait", "--timeout=60s"]);
      await ground.kubectl(["delete", "namespace", ground.namespace, "--timeout=60s"]);
    },
    4 * LIMIT.slow,
  );
});
