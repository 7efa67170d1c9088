/** What may not become an order says why in its condition `Accepted`, makes no row, and can be deleted. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Order } from "#crds/order.ts";
import { findOrderByKey } from "#store/orders.ts";
import { setLimits } from "#store/quotas.ts";
import { upsertUser } from "#store/users.ts";
import { eventually } from "#test/support/eventually.ts";
import { BOB, type OperatorWorld, operatorWorld, someProducts } from "#test/support/operator-world.ts";

/** May download fewer files than `plain` has. */
const MODEST = "modest@example.org";

let world: OperatorWorld;
beforeAll(async () => {
  world = await operatorWorld("refusals", { config: { sweepSeconds: 0.2 } });
  world.products.push(...someProducts("plain", 5, { firstId: 1 }), ...someProducts("taken", 1, { firstId: 6 }));
  await upsertUser(world.db, { email: MODEST, role: "REGISTERED_USER", groups: [], active: true });
  await setLimits(world.db, MODEST, { maxQuota: 4 });
  await world.start().ready;
});
afterAll(() => world.stop());

function accepted({ status }: Order) {
  return status?.conditions?.find(({ type }) => type === "Accepted");
}

const REFUSALS = {
  UnknownUser: { owner: "nobody@example.org" },
  InactiveUser: { owner: "gone@example.org" },
  NothingFound: { selections: [{ query: "nothing-like-this" }] },
  CatalogueFailed: { selections: [{ query: "bad" }] },
  InvalidSpec: { selections: [{ query: "plain", geometry: "POLYGON((" }] },
  SizeLimitExceeded: { selections: [{ query: "plain" }], sizeLimitBytes: 1 },
  QuotaExceeded: { owner: MODEST, selections: [{ query: "plain" }] },
};
for (const [reason, spec] of Object.entries(REFUSALS)) {
  test(`an Order is refused for ${reason}, without a row`, async () => {
    const name = `refused-${reason.toLowerCase()}`;
    await world.apply(name, spec);
    const order = await world.until(name, "Refused");
    expect(accepted(order)?.reason).toBe(reason);
    expect(order.status?.orderId).toBeUndefined();
    expect(await findOrderByKey(world.db, order.spec.owner, order.metadata.uid ?? "")).toBeUndefined();
    await world.orders.delete(name);
    await eventually(`${name} is gone`, async () => (await world.orders.get(name)) === undefined);
  });
}

const UNSTORABLE = {
  owner: { owner: "ada\0@example.org" },
  correlationId: { correlationId: "a\0b" },
  label: { label: "a\0b" },
  "selections[0].query": { selections: [{ query: "plain\0" }] },
  "selections[0].dataset": { selections: [{ dataset: "half a pair \ud83c" }] },
};
for (const [field, spec] of Object.entries(UNSTORABLE)) {
  test(`an Order whose ${field} the database cannot hold is refused once, and the field is named`, async () => {
    const name = `unstorable-${Object.keys(UNSTORABLE).indexOf(field)}`;
    await world.apply(name, spec);
    expect(accepted(await world.until(name, "Refused"))).toMatchObject({
      status: "False",
      reason: "InvalidSpec",
      message: `${field}: expected Unicode text without the character U+0000`,
    });
    await world.orders.delete(name);
    await eventually(`${name} is gone`, async () => (await world.orders.get(name)) === undefined);
  });
}

test("an Order is refused when its label or its correlation id is another's", async () => {
  await world.apply("taken", { label: "mine", correlationId: "c-taken" });
  await world.until("taken", "AllFilesAvailable");
  await world.apply("taken-label", { label: "mine", selections: [{ query: "taken" }] });
  await world.apply("taken-key", { correlationId: "c-taken", selections: [{ query: "taken" }] });
  await world.apply("taken-by-bob", {
    owner: BOB,
    label: "mine",
    correlationId: "c-taken",
    selections: [{ query: "taken" }],
  });
  expect(accepted(await world.until("taken-label", "Refused"))?.reason).toBe("LabelTaken");
  expect(accepted(await world.until("taken-key", "Refused"))?.reason).toBe("CorrelationIdTaken");
  await world.until("taken-by-bob", "AllFilesAvailable");
});
