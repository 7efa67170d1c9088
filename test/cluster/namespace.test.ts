/** A namespace with orders in it goes while no operator runs, comes again, and the orders with it; the operator runs beside, in this process. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { findOrder } from "#store/orders.ts";
import { clusterUnderTest } from "#test/support/cluster.ts";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { programImage } from "./images.ts";
import { operatorBeside } from "./operator-beside.ts";
import { type TenantGround, tenantGround } from "./tenant-ground.ts";

const cluster = clusterUnderTest();
const BYTES = new Uint8Array(200_000).fill(7);
const SLOWLY = { pieceBytes: 2_000, everyMs: 100 };
/** The namespace before is known to be gone. */
const AT_ONCE = { awaySeconds: 0, sweepSeconds: 5 };

describe.skipIf(!cluster)("a namespace with orders in it, without an operator", () => {
  let ground: TenantGround;
  let image: string;

  beforeAll(async () => {
    if (!cluster) return;
    image = await programImage(cluster);
    ground = await tenantGround(cluster, "namespace");
  }, 2 * LIMIT.slow);
  afterAll(() => ground.close(), 2 * LIMIT.slow);

  const ids = async () => {
    const rows = await ground.db<{ id: number }[]>`SELECT id FROM orders ORDER BY id`;
    return rows.map(({ id }) => id);
  };
  const statuses = async () => Promise.all((await ids()).map(async (id) => (await findOrder(ground.db, id))?.status));

  test(
    "is deleted; made again, its orders are there again and go on, and one that is deleted then is told so",
    async () => {
      await ground.products("finished", [BYTES]);
      await ground.products("running", [BYTES], { pace: SLOWLY });
      const before = await operatorBeside(ground, { image });
      await ground.order("finished");
      await ground.wait("finished", "Succeeded");
      await ground.order("running");
      await ground.aPodRuns("running");
      const known = await ids();
      await before.stop();

      await ground.deleteNamespace();
      expect(await statuses()).toEqual(["DONE", "RUNNING"]);

      await ground.makeNamespace();
      const after = await operatorBeside(ground, { image }, AT_ONCE);
      try {
        await eventually(
          "the orders are there again",
          () => ground.get("order finished running", "{.items[*].kind}"),
          LIMIT.slow,
        );
        await ground.wait("finished", "Succeeded");
        await ground.wait("running", "Succeeded");
        expect([await ids(), await statuses()]).toEqual([known, ["DONE", "DONE"]]);
        await after.stop();

        await ground.kubectl(["delete", "order", "finished", "--timeout=20s"]);
        const later = await operatorBeside(ground, { image }, AT_ONCE);
        const isDeleted = async () => (await statuses()).join() === "DELETED,DONE";
        await eventually("what was deleted meanwhile is told", isDeleted, LIMIT.slow);
        await later.stop();
      } finally {
        await after.stop();
      }
    },
    6 * LIMIT.slow,
  );
});
