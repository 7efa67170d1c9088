/** What sub-orders on real pods cost the API server: the writes of the operator, counted on their way. Thousands of them are measured by bench/scale.ts. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Transport } from "#kube/transport.ts";
import { writeSetting } from "#store/settings.ts";
import { clusterUnderTest } from "#test/support/cluster.ts";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { programImage } from "./images.ts";
import { operatorBeside } from "./operator-beside.ts";
import { type TenantGround, tenantGround } from "./tenant-ground.ts";

const cluster = clusterUnderTest();
const SUB_ORDERS = 16;
const AT_ONCE = 4;
const WRITES_EACH = 6;
/** More than an order of ten minutes needs. */
const ORDER_WRITES = 40;
const SILENCE_MS = 10_000;

describe.skipIf(!cluster)("the operator's writes", () => {
  let ground: TenantGround;
  let operator: Awaited<ReturnType<typeof operatorBeside>>;
  const writes: { readonly what: string; readonly at: number }[] = [];

  beforeAll(async () => {
    if (!cluster) return;
    const image = await programImage(cluster);
    ground = await tenantGround(cluster, "costs");
    await writeSetting(ground.db, "sub_order_max_files", 1);
    await writeSetting(ground.db, "max_running_sub_orders_per_user", AT_ONCE);
    operator = await operatorBeside({ ...ground, transport: counted(ground.transport) }, { image });
  }, 4 * LIMIT.slow);
  afterAll(async () => {
    await ground.close();
    await operator.stop();
  }, 4 * LIMIT.slow);

  function counted(transport: Transport): Transport {
    return {
      ...transport,
      async fetch(path, init) {
        const answer = await transport.fetch(path, init);
        if (init.method !== "GET") writes.push({ what: `${init.method} ${kindOf(path)}`, at: performance.now() });
        return answer;
      },
    };
  }

  /** How often each kind was written, for whoever has to find out why there are too many. */
  const told = () => [...Map.groupBy(writes, ({ what }) => what)].map(([what, all]) => `${all.length} ${what}`);

  test(
    `are ${WRITES_EACH} for a sub-order at most, and none when all is done`,
    async () => {
      await ground.products("costs", Array(SUB_ORDERS).fill(new Uint8Array(1000)));
      await ground.order("costs");
      await ground.wait("costs", "Succeeded", 220);
      expect(writes.filter(({ what }) => what === "POST jobs")).toHaveLength(SUB_ORDERS);
      const ofOrder = writes.filter(({ what }) => what === "PATCH orders/status").length;
      expect(writes.length - ofOrder, told().join(", ")).toBeLessThanOrEqual(WRITES_EACH * SUB_ORDERS);
      expect(ofOrder, "its age, not its sub-orders, says how often an order is told of").toBeLessThanOrEqual(
        ORDER_WRITES,
      );
      const isSilent = () => performance.now() - (writes.at(-1)?.at ?? 0) > SILENCE_MS || Promise.reject(told());
      await eventually(`nothing is written for ${SILENCE_MS} ms`, isSilent, LIMIT.slow);
    },
    5 * LIMIT.slow,
  );
});

/** `jobs`, or `suborders/status`. */
function kindOf(path: string): string {
  const [, kind = path, status = ""] = /\/namespaces\/[^/]+\/([^/?]+)(?:\/[^/?]+(\/status)?)?/.exec(path) ?? [];
  return kind + status;
}
