import { expect, test } from "bun:test";
import type { OrderStatusWord } from "./files.ts";
import { orderResource } from "./order-resource.ts";

const SPEC = { owner: "ada@example.org", selections: [{ query: "a:1" }], suspend: false, retry: 0 };
const INTENT = { resourceName: "order-7", owner: "ada@example.org", label: "seven", correlationId: "key-7" };

const WISHES: Record<string, { status: OrderStatusWord; asked?: boolean; retries?: number; want: object }> = {
  "as it was asked for": { status: "PENDING", want: { suspend: false, retry: 0 } },
  "paused from the start": { status: "PENDING", asked: true, want: { suspend: true } },
  "paused since": { status: "PAUSED", want: { suspend: true } },
  "paused from the start and resumed": { status: "RUNNING", asked: true, want: { suspend: false } },
  "retried twice": { status: "DONE", retries: 2, want: { suspend: false, retry: 2 } },
};
for (const [name, { status, asked = false, retries = 0, want }] of Object.entries(WISHES)) {
  test(`orderResource() of an order ${name} wishes the same`, () => {
    const spec = { ...SPEC, suspend: asked };
    const made = orderResource({ ...INTENT, spec, status, retriesServed: retries });
    expect(made.spec).toMatchObject(want);
    expect(made.metadata.finalizers).toBeUndefined();
  });
}

test("orderResource() keeps a wished expiration, and puts what is asked now above all", () => {
  const expirationAsked = new Date("2026-12-01T00:00:00Z");
  const intent = { ...INTENT, spec: SPEC, status: "RUNNING", retriesServed: 0, expirationAsked } as const;
  const { spec } = orderResource(intent, { suspend: true });
  expect(spec).toMatchObject({ suspend: true, expirationTime: "2026-12-01T00:00:00.000Z", label: "seven" });
});
