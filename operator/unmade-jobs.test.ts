/** Jobs that the cluster will not have for now, by a quota or since whom it asks does not answer: the reason is told where an administrator looks. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { SUBORDER_CONDITION } from "#crds/conditions.ts";
import type { Transport } from "#kube/transport.ts";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { type OperatorWorld, operatorWorld, someProducts } from "#test/support/operator-world.ts";
import { conditionOf } from "./conditions.ts";

setDefaultTimeout(2 * LIMIT.slow);
let world: OperatorWorld;
beforeAll(async () => {
  world = await operatorWorld("unmade_jobs");
});
afterAll(() => world.stop());

const REFUSALS = {
  "a quota": { code: 403, reason: "Forbidden", message: 'jobs.batch is forbidden: exceeded quota: "tenant"' },
  "a webhook that does not answer": {
    code: 500,
    reason: "InternalError",
    message: 'Internal error occurred: failed calling webhook "mjob.kb.io": context deadline exceeded',
  },
};
for (const [index, [what, refusal]] of Object.entries(REFUSALS).entries()) {
  test(`a Job refused by ${what} is tried until it is made, and its sub-order says why it waits`, async () => {
    const name = `refused-${index}`;
    world.products.push(...someProducts(name, 1, { firstId: index + 1 }));
    const door = refusingJobs(world.transport, refusal);
    const operator = world.start(door);
    await world.apply(name);
    const said = await eventually(
      "its sub-order says why",
      async () =>
        conditionOf((await world.subOrders.get(`${name}-1`))?.status?.conditions, SUBORDER_CONDITION.succeeded),
      LIMIT.slow,
    );
    expect(said).toMatchObject({ status: "Unknown", reason: "WaitingForJob" });
    expect(said.message).toBe(`Cannot create jobs '${name}-1-a1': ${refusal.message} (${refusal.code})`);
    door.open();
    await world.until(name, "AllFilesAvailable");
    expect((await world.subOrders.get(`${name}-1`))?.status?.attempt).toBe(1);
    await operator.stop();
  });
}

/** An API server that makes no Job until it is opened. */
function refusingJobs(real: Transport, refusal: (typeof REFUSALS)["a quota"]) {
  let isOpen = false;
  const status = { apiVersion: "v1", kind: "Status", status: "Failure", ...refusal };
  const transport: Transport = {
    ...real,
    fetch: (path, init) =>
      !isOpen && init.method === "POST" && path.split("?")[0]?.endsWith("/jobs")
        ? Promise.resolve(Response.json(status, { status: refusal.code }))
        : real.fetch(path, init),
  };
  return {
    transport,
    open(): void {
      isOpen = true;
    },
  };
}
