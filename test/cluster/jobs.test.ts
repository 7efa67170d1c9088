/** Orders fetched by real pods: what Jobs do on a node that kills, drains, lacks images and places. The operator runs beside, in this process. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Job, StatusCondition } from "#kube/kinds.ts";
import type { JobConfig } from "#operator/config.ts";
import { writeSetting } from "#store/settings.ts";
import { upsertUser } from "#store/users.ts";
import { clusterUnderTest } from "#test/support/cluster.ts";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { processesOf } from "#test/support/processes.ts";
import { programImage } from "./images.ts";
import { operatorBeside } from "./operator-beside.ts";
import { type TenantGround, tenantGround } from "./tenant-ground.ts";

const cluster = clusterUnderTest();
const BOB = "bob@example.org";
const BYTES = new Uint8Array(200_000).fill(7);
/** Ten seconds a file: long enough for things to be done to its pod. */
const SLOWLY = { pieceBytes: 2_000, everyMs: 100 };

const isEnd = ({ type, status }: StatusCondition) => ["Complete", "Failed"].includes(type) && status === "True";

describe.skipIf(!cluster)("Jobs on a real node", () => {
  let ground: TenantGround;
  let image: string;
  let operator: Awaited<ReturnType<typeof operatorBeside>>;

  beforeAll(async () => {
    if (!cluster) return;
    image = await programImage(cluster);
    ground = await tenantGround(cluster, "jobs");
    operator = await operatorBeside(ground, { image });
  }, 2 * LIMIT.slow);
  afterAll(async () => {
    await ground.close();
    await operator.stop();
  }, 2 * LIMIT.slow);

  const get: TenantGround["get"] = (what, path) => ground.get(what, path);
  const podsOf = (order: string) =>
    get(`pods -l batch.kubernetes.io/job-name=${order}-1-a1`, "{.items[*].status.phase}");
  const condition = (order: string) =>
    get(`suborder ${order}-1`, `{.status.conditions[?(@.type=="Succeeded")].message}`);
  const available = (order: string) => get(`order ${order}`, "{.status.files.available}");
  async function restartOperator(job: Partial<JobConfig> = {}): Promise<void> {
    await operator.stop();
    operator = await operatorBeside(ground, { image, ...job });
  }
  /** An order of one file that takes its time; its pod runs. */
  async function slowOrder(name: string): Promise<void> {
    await ground.products(name, [BYTES], { pace: SLOWLY });
    await ground.order(name);
    await ground.aPodRuns(name);
  }

  test(
    "an order is fetched by a pod, which says so in its log",
    async () => {
      await ground.products("walk", [BYTES, BYTES.slice(1)]);
      await ground.order("walk");
      await ground.wait("walk", "Succeeded");
      expect([await available("walk"), await podsOf("walk")]).toEqual(["2", "Succeeded"]);
      const said = (await ground.kubectl(["logs", "job/walk-1-a1"])).split("\n").map((line) => JSON.parse(line).msg);
      expect(said).toContain("sub-order begins");
    },
    LIMIT.slow,
  );

  test(
    "a source that is not ready ends the Job at once by its exit code, and a later attempt fetches",
    async () => {
      await ground.products("tape", [BYTES], { first: [{ status: 202, headers: { "retry-after": "1" } }] });
      await ground.order("tape");
      await ground.wait("tape", "Succeeded");
      const reason = `{.status.conditions[?(@.type=="Failed")].reason} {.status.failed}`;
      expect(await get("job tape-1-a1", reason)).toBe("PodFailurePolicy 1");
      expect(await get("job tape-1-a2", "{.status.succeeded}")).toBe("1");
    },
    LIMIT.slow,
  );

  test(
    "a Job that can never work fails at once by its exit code, not after its tries, and says why",
    async () => {
      await ground.products("unusable", [BYTES]);
      await restartOperator({ env: [{ name: "ORDER_DATABASE_URL", value: "postgres://nobody@127.0.0.1:9/none" }] });
      await ground.order("unusable");
      await ground.wait("unusable", "Succeeded=False");
      const reason = `{.status.conditions[?(@.type=="Failed")].reason} {.status.failed}`;
      expect(await get("job unusable-1-a1", reason)).toBe("PodFailurePolicy 1");
      expect(await condition("unusable")).toContain("cannot be fetched as it is asked");
      expect(await condition("unusable")).toContain("ORDER_BLOBS_URL");
      await restartOperator();
    },
    LIMIT.slow,
  );

  test(
    "a killed worker is tried again by its Job, and nothing is lost",
    async () => {
      await slowOrder("killed");
      const workers = processesOf(ground.namespace).filter((line) => line.includes("regards-order worker"));
      expect(workers).toHaveLength(1);
      process.kill(Number.parseInt(workers[0] ?? "", 10), "SIGKILL");
      await ground.wait("killed", "Succeeded");
      expect(await get("job killed-1-a1", "{.status.failed} {.status.succeeded}")).toBe("1 1");
    },
    2 * LIMIT.slow,
  );

  test(
    "a drained node costs no try: the Job goes on elsewhere, or when the node is back",
    async () => {
      await restartOperator({ backoffLimit: 0 });
      await slowOrder("drained");
      const selector = "--pod-selector=batch.kubernetes.io/job-name=drained-1-a1";
      const node = cluster?.node ?? "";
      await ground.kubectl(["drain", node, selector, "--delete-emptydir-data", "--timeout=60s"]);
      expect(await podsOf("drained")).not.toContain("Running");
      await ground.kubectl(["uncordon", node]);
      await ground.wait("drained", "Succeeded");
      expect(await get("suborder drained-1", "{.status.attempt}")).toBe("1");
      await restartOperator();
    },
    2 * LIMIT.slow,
  );

  test(
    "an image that is not there, and a place that is not there, are said in the sub-order's condition",
    async () => {
      await ground.products("stuck", [BYTES]);
      await restartOperator({ image: "localhost/none:1" });
      await ground.order("stuck");
      await eventually(
        "the image is named",
        async () => (await condition("stuck")).includes("ErrImageNeverPull"),
        LIMIT.slow,
      );
      await ground.kubectl(["delete", "order", "stuck", "--timeout=30s"]);

      await restartOperator({ nodeSelector: { nowhere: "yes" } });
      await ground.order("stuck");
      await eventually(
        "the place is named",
        async () => (await condition("stuck")).includes("Unschedulable"),
        LIMIT.slow,
      );
      await ground.kubectl(["delete", "order", "stuck", "--timeout=30s"]);
      expect(await ground.kubectl(["get", "jobs", "stuck-1-a1", "--ignore-not-found"])).toBe("");
      await restartOperator();
    },
    2 * LIMIT.slow,
  );

  test(
    "a Job over the quota of the namespace is made when there is room, and its sub-order says what it waits for",
    async () => {
      const { namespace } = ground;
      const spec = { hard: { "count/jobs.batch": "0" } };
      await ground.apply({ apiVersion: "v1", kind: "ResourceQuota", metadata: { name: "none", namespace }, spec });
      const isCounted = () => get("resourcequota none", "{.status.used}");
      await eventually("the quota is counted", isCounted, LIMIT.slow);
      await ground.products("over", [BYTES]);
      await ground.order("over");
      await eventually(
        "the quota is named",
        async () => (await condition("over")).includes("exceeded quota: none"),
        LIMIT.slow,
      );
      await ground.kubectl(["delete", "resourcequota", "none"]);
      await ground.wait("over", "Succeeded");
      expect(await get("suborder over-1", "{.status.attempt}")).toBe("1");
    },
    3 * LIMIT.slow,
  );

  test(
    "a Job past its deadline ends the sub-order with a word",
    async () => {
      await ground.products("late", [BYTES], { stall: { after: 10, times: 9 } });
      await restartOperator({ deadlineSeconds: 5 });
      await ground.order("late");
      await ground.wait("late", "Succeeded=False");
      expect(await condition("late")).toContain("specified deadline");
      await restartOperator();
    },
    2 * LIMIT.slow,
  );

  test(
    "a finished Job goes after its time, the order stays",
    async () => {
      await ground.products("brief", [BYTES]);
      await restartOperator({ ttlSeconds: 1 });
      await ground.order("brief");
      await ground.wait("brief", "Succeeded");
      await ground.kubectl(["wait", "--for=delete", "job/brief-1-a1", "--timeout=30s"]);
      expect(await available("brief")).toBe("1");
      await restartOperator();
    },
    LIMIT.slow,
  );

  test(
    "as many sub-orders run at once as the tenant allows a user, and all together, and no more",
    async () => {
      await upsertUser(ground.db, { email: BOB, role: "REGISTERED_USER", groups: [], active: true });
      await writeSetting(ground.db, "sub_order_max_files", 1);
      await writeSetting(ground.db, "max_running_sub_orders_per_user", 3);
      await writeSetting(ground.db, "max_running_sub_orders", 4);
      for (const name of ["many", "more"]) await ground.products(name, Array(4).fill(BYTES), { pace: SLOWLY });
      await ground.order("many");
      await ground.order("more", { owner: BOB });
      /** Names of the Jobs that have not ended, all at one moment. */
      const going = async (): Promise<readonly string[]> => {
        const { items } = JSON.parse(await ground.kubectl(["get", "jobs", "-o", "json"])) as { items: readonly Job[] };
        const ours = items.filter(({ metadata }) => /^(many|more)-/.test(metadata.name));
        return ours.filter(({ status }) => !status?.conditions?.some(isEnd)).map(({ metadata }) => metadata.name);
      };
      const moments: (readonly string[])[] = [];
      await eventually(
        "both are done",
        async () => {
          moments.push(await going());
          return (await available("many")) === "4" && (await available("more")) === "4";
        },
        2 * LIMIT.slow,
      );
      const most = (name: string) =>
        Math.max(...moments.map((now) => now.filter((job) => job.startsWith(name)).length));
      expect(most("m")).toBe(4);
      expect(Math.max(most("many"), most("more"))).toBeLessThanOrEqual(3);
    },
    3 * LIMIT.slow,
  );
});
