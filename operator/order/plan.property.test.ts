import { expect, test } from "bun:test";
import fc from "fast-check";
import { isFinal } from "#crds/files.ts";
import type { NewSubOrder } from "#store/files.ts";
import {
  anObserved,
  anOrder,
  aResolvedRow,
  aRow,
  aSubOrder,
  aSubOrderRow,
  NOW,
  someWork,
} from "#test/support/order-builders.ts";
import {
  applyAction,
  applyTelling,
  aWorld,
  deleteOrder,
  endAttempt,
  letGo,
  observeWorld,
  startAll,
  type World,
} from "#test/support/order-model.ts";
import type { Cut } from "./buckets.ts";
import { plan } from "./plan.ts";

const at = (minutes: number) => new Date(NOW.getTime() + minutes * 60_000);

/** One pass, broken off after `writes` writes when that is given. Says whether it came to its end. */
function pass(world: World, now: Date, writes = Number.POSITIVE_INFINITY): { settled: boolean; wrote: number } {
  let left = writes;
  let wrote = 0;
  let searched = false;
  for (let round = 0; round < 20; round++) {
    const observed = observeWorld(world, now, searched);
    if (observed === undefined) return { settled: true, wrote };
    const planned = plan(observed, now);
    for (const action of planned.first) {
      if (left-- <= 0) return { settled: false, wrote };
      applyAction(world, action, now);
      if (action.kind === "appendSubOrders") searched = true;
      wrote++;
    }
    if (planned.first.length > 0) continue;
    if (left-- <= 0) return { settled: false, wrote };
    const told = JSON.stringify([world.row, [...world.outbox.keys()]]);
    applyTelling(world, planned);
    if (JSON.stringify([world.row, [...world.outbox.keys()]]) !== told) wrote++;
    for (const action of planned.actions) {
      if (left-- <= 0) return { settled: false, wrote };
      applyAction(world, action, now);
      wrote++;
    }
    const settled = planned.requeueAfterMs === undefined || planned.requeueAfterMs > 1;
    if (world.order === undefined) return { settled, wrote };
    if (left-- <= 0) return { settled: false, wrote };
    if (!Bun.deepEquals(world.order.status ?? {}, planned.status)) {
      world.order = { ...world.order, status: planned.status };
      wrote++;
    }
    return { settled, wrote };
  }
  throw new Error("Cannot settle: the plan moves for ever");
}

/** Passes until one writes nothing. */
function settle(world: World, now: Date): void {
  for (let i = 0; i < 100; i++) {
    const { settled, wrote } = pass(world, now);
    if (settled && wrote === 0) return;
  }
  throw new Error("Cannot settle: writes never end");
}

const subOrders = fc.array(fc.record({ files: fc.integer({ min: 1, max: 4 }), reference: fc.boolean() }), {
  maxLength: 4,
});

function cutsOf(parts: readonly (readonly { files: number; reference: boolean }[])[]): Cut[] {
  let made = 0;
  let internal = 0;
  return parts.map((part, i) => {
    const list = part.map(({ files, reference }): NewSubOrder => {
      made++;
      if (!reference) internal++;
      const file = { productUrn: "u", providerId: "p", productVersion: 1, fileType: "RAWDATA" as const };
      const more = { reference, uri: "http://s", filename: "f", mimeType: "m" };
      const all = Array.from({ length: files }, () => ({ ...file, ...more }));
      return { number: made, dataset: { urn: "urn:d", label: "d" }, reference, files: all };
    });
    const cursor = { after: i + 1, made, internal };
    return { cursor, subOrders: list, products: list.length, done: i === parts.length - 1 };
  });
}

const event = fc.oneof(
  fc.record({ kind: fc.constant("start" as const) }),
  fc.record({
    kind: fc.constant("end" as const),
    number: fc.integer({ min: 1, max: 8 }),
    come: fc.nat(4),
    fail: fc.nat(2),
    reason: fc.constantFrom("NotReady", "JobFailed"),
  }),
  fc.record({ kind: fc.constant("suspend" as const), suspend: fc.boolean() }),
  fc.record({ kind: fc.constant("retry" as const) }),
  fc.record({ kind: fc.constant("wish" as const), minutes: fc.integer({ min: -60, max: 60 * 24 * 30 }) }),
  fc.record({
    kind: fc.constant("shutdown" as const),
    shutdown: fc.constantFrom("Cancel" as const, "Delete" as const),
  }),
  fc.record({ kind: fc.constant("delete" as const), held: fc.boolean() }),
  fc.record({ kind: fc.constant("wait" as const), minutes: fc.constantFrom(1, 60, 60 * 24 * 8) }),
  fc.record({ kind: fc.constant("pass" as const), writes: fc.nat(5) }),
);
type Happening = typeof event extends fc.Arbitrary<infer T> ? T : never;

function happen(world: World, e: Happening, now: Date): void {
  const { order } = world;
  const withSpec = (spec: object) => {
    if (order) world.order = { ...order, spec: { ...order.spec, ...spec } };
  };
  switch (e.kind) {
    case "start":
      startAll(world);
      return;
    case "end":
      endAttempt(world, e.number, e);
      return;
    case "suspend":
      withSpec({ suspend: e.suspend });
      return;
    case "wish":
      withSpec({ expirationTime: new Date(now.getTime() + e.minutes * 60_000).toISOString() });
      return;
    case "retry":
      withSpec({ retry: (order?.spec.retry ?? 0) + 1 });
      return;
    case "shutdown":
      if (order?.spec.shutdown !== "Delete") withSpec({ shutdown: e.shutdown });
      return;
    case "delete":
      deleteOrder(world, now, e);
      return;
    case "pass":
      pass(world, now, e.writes);
      return;
    case "wait":
      return;
    default:
      e satisfies never;
  }
}

const history = fc.record({
  channel: fc.constantFrom("rest" as const, "kubectl" as const),
  parts: fc.array(subOrders, { minLength: 1, maxLength: 3 }),
  events: fc.array(event, { maxLength: 25 }),
});

function live(world: World, events: readonly Happening[]): Date {
  let minutes = 0;
  for (const e of events) {
    if (e.kind === "wait") minutes += e.minutes;
    happen(world, e, at(minutes));
  }
  return at(minutes);
}

test("plan() settles after any history, broken off anywhere, and then writes nothing", () => {
  fc.assert(
    fc.property(history, ({ channel, parts, events }) => {
      const world = aWorld({ channel, cuts: cutsOf(parts) });
      settle(world, live(world, events));
      expect(world.foreignTouched).toBe(0);
    }),
    { numRuns: 400 },
  );
});

test("plan() brings every order to an end, with exactly one final message for each run", () => {
  fc.assert(
    fc.property(history, ({ channel, parts, events }) => {
      const world = aWorld({ channel, cuts: cutsOf(parts) });
      const now = live(world, events);
      letGo(world);
      if (world.order) world.order = { ...world.order, spec: { ...world.order.spec, suspend: false } };
      for (let i = 0; i < 12; i++) {
        settle(world, now);
        startAll(world);
        settle(world, now);
        for (const { row } of world.subs) endAttempt(world, row.number, { come: 9, fail: 0, reason: "JobFailed" });
      }
      settle(world, now);
      if (world.row === undefined) return;
      expect(isFinal(world.row.status)).toBe(true);
      const finals = [...world.outbox.keys()].filter((key) => key.startsWith("final:"));
      expect(finals.length).toBeGreaterThanOrEqual(1);
      expect(finals.length).toBeLessThanOrEqual(world.row.retriesServed + 1);
      expect([...world.outbox.keys()][0]).toBe("granted");
      if (world.row.status === "EXPIRED" || world.row.status === "DELETED") {
        expect({ order: world.order, resources: world.resources, files: world.subs }).toEqual({
          order: undefined,
          resources: [],
          files: [],
        });
      }
    }),
    { numRuns: 300 },
  );
});

test("plan() tells of every ended sub-order that has files, once an attempt", () => {
  fc.assert(
    fc.property(history, ({ channel, parts, events }) => {
      const kept = events.filter((e) => e.kind !== "delete" && e.kind !== "shutdown" && e.kind !== "wait");
      const world = aWorld({ channel, cuts: cutsOf(parts) });
      settle(world, live(world, kept));
      if (world.row?.resolvedAt === undefined) return;
      for (const { row } of world.subs) {
        const isOver = row.state === "Succeeded" || row.state === "Failed";
        const key = `suborder:${row.number}:${row.attempt}`;
        expect(world.outbox.has(key)).toBe(isOver && row.files.available > 0);
      }
    }),
    { numRuns: 300 },
  );
});

test("plan() never acts on a SubOrder of another order, whatever its name", () => {
  const row = aSubOrderRow();
  const specs = fc.record({
    suspend: fc.boolean(),
    shutdown: fc.constantFrom(undefined, "Cancel" as const, "Delete" as const),
    attempt: fc.integer({ min: 1, max: 3 }),
    reason: fc.constantFrom("Running", "AllFilesAvailable", "JobFailed", "NotReady"),
    deleting: fc.boolean(),
    late: fc.boolean(),
  });
  fc.assert(
    fc.property(specs, ({ suspend, shutdown, attempt, reason, deleting, late }) => {
      const foreign = aSubOrder(row, { orderUid: "uid-of-the-one-before", attempt, reason });
      const metadata = deleting ? { deletionTimestamp: NOW.toISOString() } : {};
      const order = anOrder({ metadata, spec: { suspend, ...(shutdown ? { shutdown } : {}) } });
      const work = someWork({
        active: [row],
        subOrders: { total: 1, waiting: 0, running: 1, succeeded: 0, failed: 0 },
      });
      const observed = anObserved({ order, row: aResolvedRow(1), work, subOrders: [foreign] });
      const { first, actions } = plan(observed, late ? at(100_000) : NOW);
      const touched = [...first, ...actions].filter((a) => "uid" in a && a.uid === foreign.metadata.uid);
      expect(touched).toEqual([]);
      expect([...first, ...actions].some((a) => a.kind === "endSubOrder" && a.state === "Succeeded")).toBe(false);
    }),
  );
});

test("plan() never throws, whatever it is shown", () => {
  const count = fc.nat(3);
  const files = fc.record({ total: count, pending: count, available: count, downloaded: count, failed: count });
  const row = fc.record({
    resourceUid: fc.constantFrom("uid-7", "uid-8", undefined),
    status: fc.constantFrom(
      "PENDING",
      "RUNNING",
      "PAUSED",
      "DONE",
      "FAILED",
      "EXPIRED",
      "DELETED",
    ) as fc.Arbitrary<"DONE">,
    resolved: fc.boolean(),
    cursor: fc.constantFrom(undefined, null, { after: 1, made: 0, internal: 0 }),
    retriesServed: count,
  });
  const arbitrary = fc.record({
    row: fc.option(row),
    withWork: fc.boolean(),
    files,
    active: fc.array(
      fc.record({ number: fc.integer({ min: 1, max: 3 }), attempt: fc.integer({ min: 1, max: 3 }), files }),
    ),
    resources: fc.array(
      fc.record({
        number: fc.integer({ min: 1, max: 3 }),
        attempt: fc.integer({ min: 1, max: 3 }),
        reason: fc.constantFrom("Running", "NotReady", "JobFailed", "Nonsense"),
        uid: fc.constantFrom("uid-7", "uid-8"),
      }),
    ),
    spec: fc.record({
      suspend: fc.boolean(),
      retry: count,
      expirationTime: fc.constantFrom("never", "2026-02-31T99:00:00Z", "2026-03-02T00:00:00Z"),
      shutdown: fc.constantFrom(undefined, "Cancel", "Delete"),
    }),
    deleting: fc.boolean(),
    finalizers: fc.constantFrom([], ["someone.else/finalizer"]),
    minutes: fc.integer({ min: -100, max: 1_000_000 }),
  });
  fc.assert(
    fc.property(arbitrary, (a) => {
      const { shutdown, ...spec } = a.spec;
      const order = anOrder({
        metadata: { finalizers: a.finalizers, ...(a.deleting ? { deletionTimestamp: NOW.toISOString() } : {}) },
        spec: { ...spec, ...(shutdown ? { shutdown: shutdown as "Cancel" } : {}) },
      });
      const { resourceUid: _, ...bare } = aRow();
      const { resourceUid, resolved, status, cursor, retriesServed } = a.row ?? {};
      const made = {
        ...bare,
        ...(status ? { status } : {}),
        ...(resourceUid ? { resourceUid } : {}),
        ...(resolved ? { resolvedAt: NOW } : {}),
        cursor,
        retriesServed: retriesServed ?? 0,
      };
      const active = a.active.map((s) => aSubOrderRow(s));
      const { row: _row, work: _work, ...rest } = anObserved({ order });
      const observed = {
        ...rest,
        subOrders: a.resources.map((r) => aSubOrder(aSubOrderRow(r), { orderUid: r.uid, reason: r.reason })),
        ...(a.row ? { row: made } : {}),
        ...(a.withWork ? { work: someWork({ files: a.files, active }) } : {}),
      };
      expect(() => plan(observed, at(a.minutes))).not.toThrow();
    }),
    { numRuns: 500 },
  );
});
