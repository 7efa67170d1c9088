/**
 * A whole tenant in pods, its blobs in a bucket: orders from kubectl, REST and AMQP to their bytes through the Service, what users do to orders, what
 * gets in the way, and what the audit log says of it all.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { HEADER } from "#api/amqp/names.ts";
import { findOrder } from "#store/orders.ts";
import { type Client, client } from "#test/support/amqp-world.ts";
import { clusterUnderTest } from "#test/support/cluster.ts";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { temporaryFolder } from "#test/support/folder.ts";
import { testProcess } from "#test/support/process.ts";
import { output } from "#test/support/run-command.ts";
import { allowed, askedBy, kinds } from "./audit.ts";
import { stopEarly } from "./early-stop.ts";
import { programImage, sampleImage } from "./images.ts";
import { type Outside, outside } from "./outside.ts";
import { FULLNAME, installRelease, RELEASE, type Release, type Rule } from "./release.ts";
import {
  foreignJob,
  grant,
  jobThatGoesOn,
  orderWithoutResource,
  pausedTwice,
  takeAway,
  tryChildren,
  withoutOperator,
} from "./seldom.ts";
import { ADA, type TenantGround, tenantGround } from "./tenant-ground.ts";
import { tokenFor } from "./token.ts";

const cluster = clusterUnderTest();
const PREFIX = "/api/v1/rs-order";
const BYTES = new Uint8Array(200_000).map((_, index) => index % 251);
/** Far less than any role's time of grace. */
const STOPPED_SECONDS = 15;
const SLOWLY = { pieceBytes: 2_000, everyMs: 100 };

describe.skipIf(!cluster)("a tenant on a real cluster", () => {
  let ground: TenantGround;
  let release: Release;
  let beside: Outside;
  let requester: Client;
  let headers: Record<string, string>;
  const folder = temporaryFolder("tenant");

  beforeAll(async () => {
    if (!cluster) return;
    const image = await programImage(cluster);
    ground = await tenantGround(cluster, "tenant");
    beside = await outside(ground);
    requester = await client(beside.broker);
    release = await installRelease(ground, image, beside.values);
    headers = { authorization: `Bearer ${await tokenFor(ground, release.url)}`, "content-type": "application/json" };
  }, 4 * LIMIT.slow);
  afterAll(async () => {
    await ground.close();
    await beside.close();
    folder.remove();
  }, 2 * LIMIT.slow);

  const get: TenantGround["get"] = (what, path) => ground.get(what, path);
  const patch = (name: string, spec: object) =>
    ground.kubectl(["patch", "order", name, "--type=merge", "-p", JSON.stringify({ spec })]);
  const call = (path: string, init: RequestInit = {}) => fetch(`${release.url}${PREFIX}${path}`, { headers, ...init });
  /** Orders over REST what `products` made under the name; answers the order's number once its resource has succeeded. */
  async function orderOverRest(name: string): Promise<number> {
    const body = JSON.stringify({ queries: [`name:"${name}"`], filters: { dataTypes: ["RAWDATA"] } });
    const answer = await call("/user/orders/apply", { method: "POST", body });
    expect(answer.status).toBe(201);
    const { orderId } = (await answer.json()) as { orderId: number };
    await eventually("the resource is there", () => get(`order order-${orderId}`, "{.metadata.uid}"));
    await ground.wait(`order-${orderId}`, "Succeeded");
    return orderId;
  }
  const statusOf = async (orderId: number) =>
    ((await (await call(`/user/orders/${orderId}`)).json()) as { content: { status: string } }).content.status;
  const tenantHeader = () => ({ headers: { [HEADER.tenant]: ground.namespace } });
  /** The same over AMQP, answered once the requester was told that it is done. */
  async function orderOverAmqp(name: string): Promise<number> {
    await requester.send({ correlationId: name, user: ADA, queries: [`name:"${name}"`] }, tenantHeader());
    const told = await requester.answers(name, 3, LIMIT.slow);
    expect(told.map(({ status }) => status)).toEqual(["GRANTED", "SUBORDER_DONE", "DONE"]);
    return told[0]?.orderId ?? 0;
  }
  async function download(orderId: number | string, files: Readonly<Record<string, Uint8Array>>): Promise<void> {
    const unpacked = join(folder.path, String(orderId));
    await Bun.write(`${unpacked}.zip`, await call(`/user/orders/${orderId}/download`));
    await mkdir(unpacked);
    await output(["unzip", "-q", "-j", `${unpacked}.zip`, "-d", unpacked]);
    for (const [name, want] of Object.entries(files)) {
      expect(Buffer.compare(await Bun.file(join(unpacked, name)).bytes(), want)).toBe(0);
    }
  }
  const reason = (name: string) => get(`order ${name}`, `{.status.conditions[?(@.type=="Succeeded")].reason}`);
  const podsAreGone = (order: string) =>
    eventually(
      `no pod of ${order} is left`,
      async () => (await get(`pods -l batch.kubernetes.io/job-name=${order}-1-a1`, "{.items[*].metadata.name}")) === "",
      LIMIT.slow,
    );

  const isDeleted = (orderId: number) =>
    eventually(
      `order ${orderId} is deleted and its files are given back`,
      async () => {
        const row = await findOrder(ground.db, orderId);
        if (row?.status === "DELETED" && row.emptied) return true;
        throw new Error(JSON.stringify(row));
      },
      LIMIT.slow,
    );
  /** How each order stands, by the name of its resource, and what was told of it. */
  async function remembered(): Promise<Record<string, unknown>> {
    const rows = await ground.db<{ resourceName: string; status: string; emptied: boolean; told: string[] }[]>`
      SELECT resource_name, status, emptied, ARRAY(SELECT kind FROM outbox WHERE order_id = orders.id ORDER BY outbox.id) AS told
      FROM orders ORDER BY id`;
    return Object.fromEntries(rows.map(({ resourceName, ...row }) => [resourceName, row]));
  }

  test(
    "the installation's own test passes",
    async () => {
      expect(await release.helm(["test", RELEASE, "--timeout=90s"])).toMatch(/Phase:\s+Succeeded/);
    },
    2 * LIMIT.slow,
  );

  test(
    "an order applied with kubectl is fetched by pods into the bucket and downloaded through the Service",
    async () => {
      await ground.products("walk", [BYTES, BYTES.slice(5)]);
      await ground.order("walk");
      await ground.wait("walk", "Succeeded");
      expect((await beside.objectSizes()).toSorted((a, b) => a - b)).toEqual([BYTES.length - 5, BYTES.length]);
      await download(await get("order walk", "{.status.orderId}"), {
        "walk-0.tif": BYTES,
        "walk-1.tif": BYTES.slice(5),
      });
    },
    2 * LIMIT.slow,
  );

  test(
    "an order over REST becomes a resource, and is removed over REST with its Jobs and files",
    async () => {
      await ground.products("rest", [BYTES]);
      const orderId = await orderOverRest("rest");
      expect((await call(`/user/orders/${orderId}`, { method: "DELETE" })).status).toBe(200);
      await eventually("its status is DELETED", async () => (await statusOf(orderId)) === "DELETED", LIMIT.slow);
    },
    2 * LIMIT.slow,
  );

  test(
    "an order over AMQP is granted, fetched by pods, told of when it is done, and cancelled over AMQP",
    async () => {
      await ground.products("amqp", [BYTES.slice(9)]);
      const orderId = await orderOverAmqp("amqp");
      await download(orderId, { "amqp-0.tif": BYTES.slice(9) });
      await requester.cancel({ correlationId: "amqp", orderId }, tenantHeader());
      await eventually("its status is DELETED", async () => (await statusOf(orderId)) === "DELETED", LIMIT.slow);
    },
    2 * LIMIT.slow,
  );

  test(
    "a pause over REST takes the pods away, the end of it finishes the order",
    async () => {
      await ground.products("paused", [BYTES], { pace: SLOWLY });
      await ground.order("paused");
      await ground.aPodRuns("paused");
      const orderId = await get("order paused", "{.status.orderId}");
      expect((await call(`/user/orders/pause/${orderId}`, { method: "PUT" })).status).toBe(200);
      await ground.wait("paused", "Suspended");
      await podsAreGone("paused");
      expect((await call(`/user/orders/resume/${orderId}`, { method: "PUT" })).status).toBe(200);
      await ground.wait("paused", "Succeeded");
    },
    3 * LIMIT.slow,
  );

  test(
    "what an administrator's program makes of the files is put into the bucket and downloaded through the Service",
    async () => {
      if (!cluster) return;
      const sample = testProcess("capitals", { image: await sampleImage(cluster), command: ["/sample"] });
      await ground.apply({ ...sample, metadata: { ...sample.metadata, namespace: ground.namespace } });
      await ground.products("processed", [new TextEncoder().encode("as it was")]);
      await ground.order("processed", { selections: [{ query: 'name:"processed"', process: { name: "capitals" } }] });
      await ground.wait("processed", "Succeeded");
      await download(await get("order processed", "{.status.orderId}"), {
        "processed-0.tif": new TextEncoder().encode("AS IT WAS"),
      });
    },
    4 * LIMIT.slow,
  );

  test("a process is looked for over REST, AMQP and kubectl, and that there is none is said", async () => {
    await ground.products("basket", [BYTES]);
    const selectionRequest = { engineType: "legacy", searchParameters: { q: ['name:"basket"'] } };
    const added = await call("/order/basket/selection", { method: "POST", body: JSON.stringify(selectionRequest) });
    const { content } = (await added.json()) as { content: { datasetSelections: { id: number }[] } };
    const path = `/order/basket/dataset/${content.datasetSelections[0]?.id}/updateProcessing`;
    const body = JSON.stringify({ processBusinessId: crypto.randomUUID() });
    expect((await call(path, { method: "PUT", body })).status).toBe(404);
    const selections = [{ query: 'name:"basket"', process: { name: "none" } }];
    await requester.send({ correlationId: "processed", user: ADA, selections }, tenantHeader());
    const [answer] = await requester.answers("processed", 1, LIMIT.slow);
    expect(answer).toMatchObject({ status: "DENIED", errorType: "INVALID_CONTENT" });
    expect(answer?.message).toContain("Process 'none' does not exist");
    const metadata = { name: "broken", namespace: ground.namespace };
    const spec = { image: "x", command: ["x"], scope: "SubOrder", parameters: { type: "array" } };
    await ground.apply({ apiVersion: "order.regards.io/v1alpha1", kind: "Process", metadata, spec });
    await ground.kubectl(["wait", "--for=condition=Ready=False", "process/broken", "--timeout=30s"]);
    expect(await ground.kubectl(["get", "processes"])).toMatch(/broken +SubOrder +False +InvalidParameters/);
    await ground.order("processless", { selections });
    await ground.wait("processless", "Accepted=False");
    expect(await get("order processless", "{.status.message}")).toContain("Process 'none' does not exist");
  });

  test(
    "a cancelled order stops its pods and says so",
    async () => {
      await ground.products("cancelled", [BYTES], { pace: SLOWLY });
      await ground.order("cancelled");
      await ground.aPodRuns("cancelled");
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
    "a deletion with kubectl takes everything along, and is told; in the foreground it waits for the pods",
    async () => {
      for (const cascade of ["background", "foreground"]) {
        const name = `deleted-${cascade}`;
        await ground.products(name, [BYTES], { pace: SLOWLY });
        await ground.order(name);
        await ground.aPodRuns(name);
        const orderId = Number(await get(`order ${name}`, "{.status.orderId}"));
        await ground.kubectl(["delete", "order", name, `--cascade=${cascade}`, "--timeout=40s"]);
        if (cascade === "background") await podsAreGone(name);
        expect(await ground.kubectl(["get", "suborders,jobs,pods", "-o", "name"])).not.toContain(name);
        await isDeleted(orderId);
      }
    },
    4 * LIMIT.slow,
  );

  test("a Job of somebody else under the name of ours is left alone", () => foreignJob(ground), 2 * LIMIT.slow);
  test("a Job of an earlier attempt that goes on is stopped", () => jobThatGoesOn(ground), 2 * LIMIT.slow);
  test("what is said of an order twice is one Event", () => pausedTwice(ground), 3 * LIMIT.slow);

  test(
    "resources that vanish, are replaced by somebody's or were never made, while no operator runs, mislead nobody",
    async () => {
      const names = ["vanished", "replaced", "exchanged"];
      for (const name of names) await ground.products(name, [BYTES]);
      const [vanished, replaced, exchanged] = [
        await orderOverRest("vanished"),
        await orderOverRest("replaced"),
        await orderOverAmqp("exchanged"),
      ];
      let promised = "";
      await withoutOperator(ground, async () => {
        promised = await orderWithoutResource(ground);
        await takeAway(ground, `order-${vanished}`, { replace: false });
        await ground.db`UPDATE orders SET expiration_time = now() WHERE id = ${vanished}`;
        await takeAway(ground, `order-${replaced}`, { replace: true });
        expect((await call(`/user/orders/${replaced}`, { method: "DELETE" })).status).toBe(200);
        await takeAway(ground, `order-${exchanged}`, { replace: true });
        await requester.cancel({ correlationId: "exchanged", orderId: exchanged }, tenantHeader());
        await eventually("the cancel is obeyed", async () => (await statusOf(exchanged)) === "DELETED", LIMIT.slow);
      });
      expect(await statusOf(replaced)).toBe("DELETED");
      const made = () => get(`order ${promised}`, "{.metadata.uid}");
      await eventually("the missing resource is made", made, 2 * LIMIT.slow);
      await ground.wait(promised, "Succeeded");
      for (const orderId of [vanished, replaced, exchanged]) await isDeleted(orderId);
      await ground.wait(`order-${replaced}`, "Accepted=False");
    },
    6 * LIMIT.slow,
  );

  for (const role of ["api", "operator", "amqp"]) {
    test(
      `a pod of the ${role} that is told to stop before its program listens ends within seconds`,
      async () => {
        await stopEarly(ground, { role, withinSeconds: STOPPED_SECONDS });
        await ground.kubectl(["rollout", "status", `deployment/${FULLNAME}-${role}`, "--timeout=60s"]);
      },
      4 * LIMIT.slow,
    );
  }

  test("nothing was refused, and nothing asked for that the Roles do not say, nor do they say more", async () => {
    if (!cluster) return;
    const asked = await askedBy(cluster, ground.namespace, FULLNAME);
    expect(asked.filter(({ code }) => code === 403)).toEqual([]);
    expect(asked.filter(({ namespace }) => namespace !== ground.namespace)).toEqual([]);
    const may = allowed(await release.rules());
    const did = kinds(asked);
    expect(did.filter((kind) => !may.includes(kind))).toEqual([]);
    // The API server itself looks for these when an owner is named that waits for its children; the next test takes them away.
    expect(may.filter((kind) => !did.includes(kind) && !/^operator: update .*\/finalizers$/.test(kind))).toEqual([]);
  });

  test("without the right to their owners' finalizers no child could be made", async () => {
    const { operator = [] } = await release.rules();
    const ofFinalizers = (rule: Rule) => rule.resources.every((resource) => resource.endsWith("/finalizers"));
    expect(operator.filter(ofFinalizers).flatMap(({ resources }) => resources)).toHaveLength(2);
    await grant(
      ground,
      "lesser",
      operator.filter((rule) => !ofFinalizers(rule)),
    );
    const made = { subOrder: "", job: "" };
    const refused = expect.stringContaining("cannot set blockOwnerDeletion");
    expect(await tryChildren(ground, `${FULLNAME}-operator`)).toEqual(made);
    expect(await tryChildren(ground, "lesser")).toEqual({ subOrder: refused, job: refused });
  });

  test(
    "its namespace is deleted with an order still being fetched: nothing holds it up, and the rows remember how everything stood",
    async () => {
      await ground.products("doomed", [BYTES], { pace: { ...SLOWLY, pieceBytes: 500 } });
      await ground.order("doomed");
      await ground.aPodRuns("doomed");
      const before = await remembered();
      // The namespace controller waits for as long as pods may take to stop.
      await ground.kubectl(["delete", "namespace", ground.namespace, "--timeout=150s"]);
      expect(await remembered()).toEqual(before);
      expect(before).toMatchObject({ doomed: { status: "RUNNING", told: ["GRANTED"] }, walk: { status: "DONE" } });
    },
    6 * LIMIT.slow,
  );
});
