import { expect, test } from "bun:test";
import fc from "fast-check";
import { choose } from "./choose-policy.ts";
import { spaceOf } from "./space-policy.ts";
import type { Candidate, Limits, View } from "./view.ts";

const LIMITS: Limits = { running: 8, runningPerUser: 4, gate: "WhenFull", gatePerUser: 2 };

function wait(owner: string, orderId: number, number: number, bytes = 10): Candidate {
  return { owner, orderId, number, bytes, createdAt: new Date(orderId * 1000) };
}

function view(waiting: readonly Candidate[], over: Partial<Omit<View, "waiting">> = {}): View {
  const none = new Map<string, number>();
  return { waiting, runningByOwner: none, undownloadedByOwner: none, begun: new Set(), space: { used: 0 }, ...over };
}

function started(v: View, limits: Partial<Limits> = {}): string[] {
  return choose(v, { ...LIMITS, ...limits }).start.map((c) => `${c.owner} ${c.orderId}/${c.number}`);
}

test("choose() gives users their turns, however much one of them asks for", () => {
  const many = [1, 2, 3, 4, 5, 6].map((n) => wait("ada", 1, n));
  expect(started(view([...many, wait("bob", 2, 1)]), { running: 3 })).toEqual(["ada 1/1", "bob 2/1", "ada 1/2"]);
});

test("choose() lets a user with less running go first", () => {
  const v = view([wait("ada", 1, 1), wait("bob", 2, 1)], { runningByOwner: new Map([["ada", 2]]) });
  expect(started(v, { running: 3 })).toEqual(["bob 2/1"]);
});

test("choose() keeps the limits of the tenant and of each user", () => {
  const many = [1, 2, 3, 4, 5, 6].map((n) => wait("ada", 1, n));
  expect(started(view(many), { runningPerUser: 2 })).toHaveLength(2);
  expect(started(view(many, { runningByOwner: new Map([["bob", 7]]) }))).toHaveLength(1);
});

test("choose() starts smaller sub-orders first within a user's share (D12)", () => {
  const begun = new Set([1]);
  expect(started(view([wait("ada", 1, 1, 30), wait("ada", 1, 2, 10), wait("ada", 1, 3, 20)], { begun }))).toEqual([
    "ada 1/2",
    "ada 1/3",
    "ada 1/1",
  ]);
});

test("choose() shows something of every fresh order soon, big as it is", () => {
  const v = view([wait("ada", 1, 1, 1), wait("ada", 1, 2, 2), wait("ada", 2, 1, 500)], { begun: new Set([1]) });
  expect(started(v)).toEqual(["ada 2/1", "ada 1/1", "ada 1/2"]);
});

const GATES = {
  "Always holds a user who has as much as allowed": {
    gate: "Always",
    undownloaded: 2,
    running: 0,
    room: 100,
    want: "user",
  },
  "Always counts what runs as well": { gate: "Always", undownloaded: 1, running: 1, room: 100, want: "user" },
  "Always does not ask for a download of what only runs": {
    gate: "Always",
    undownloaded: 0,
    running: 2,
    room: 100,
    want: "slot",
  },
  "Always lets a user go on who fetched": { gate: "Always", undownloaded: 1, running: 0, room: 100, want: undefined },
  "WhenFull does not mind while there is room": {
    gate: "WhenFull",
    undownloaded: 9,
    running: 0,
    room: 100,
    want: undefined,
  },
  "WhenFull holds a user with something to fetch when room is short": {
    gate: "WhenFull",
    undownloaded: 1,
    running: 0,
    room: 5,
    want: "user",
  },
  "WhenFull does not blame a user with nothing to fetch": {
    gate: "WhenFull",
    undownloaded: 0,
    running: 1,
    room: 5,
    want: "space",
  },
  "Never holds nobody": { gate: "Never", undownloaded: 9, running: 0, room: 100, want: undefined },
  "Never still needs room": { gate: "Never", undownloaded: 9, running: 0, room: 5, want: "space" },
} as const;
for (const [name, { gate, undownloaded, running, room, want }] of Object.entries(GATES)) {
  test(`choose(): the gate ${name}`, () => {
    const v = view([wait("ada", 1, 1)], {
      undownloadedByOwner: new Map([["ada", undownloaded]]),
      runningByOwner: new Map([["ada", running]]),
      space: { used: 50, room },
    });
    const { start, held } = choose(v, { ...LIMITS, gate });
    expect(held.get(1)).toBe(want as "user");
    expect(start).toHaveLength(want === undefined ? 1 : 0);
  });
}

test("choose() lets a sub-order try that never fits, when nothing else is in the way", () => {
  const v = view([wait("ada", 1, 1, 500)], { space: { used: 0, room: 100 } });
  expect(started(v)).toEqual(["ada 1/1"]);
});

test("choose() says that an order waits for a place", () => {
  const { held } = choose(view([wait("ada", 1, 1)], { runningByOwner: new Map([["bob", 8]]) }), LIMITS);
  expect(held.get(1)).toBe("slot");
});

test("spaceOf() keeps 5 % of the disk free, or the tenant's limit where that is less", () => {
  expect(spaceOf({ used: 0, limit: 0, free: 1000 })).toEqual({ used: 0, room: 950 });
  expect(spaceOf({ used: 200, limit: 500, free: 1000 })).toEqual({ used: 200, room: 300 });
  expect(spaceOf({ used: 200, limit: 100, free: 1000 })).toEqual({ used: 200, room: 0 });
  expect(spaceOf({ used: 200, limit: 0 })).toEqual({ used: 200 });
});

const owners = ["ada", "bob", "cleo"];
const views = fc
  .record({
    waiting: fc.array(fc.record({ owner: fc.nat(2), orderId: fc.nat(5), number: fc.nat(20), bytes: fc.nat(50) }), {
      maxLength: 40,
    }),
    running: fc.tuple(fc.nat(5), fc.nat(5), fc.nat(5)),
    undownloaded: fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3)),
    room: fc.option(fc.nat(300), { nil: undefined }),
    used: fc.nat(10),
  })
  .map((v): View => {
    const unique = new Map(v.waiting.map((w) => [`${w.owner}/${w.orderId}/${w.number}`, w]));
    return {
      waiting: [...unique.values()].map((w) =>
        wait(owners[w.owner] ?? "", w.owner * 10 + w.orderId, w.number, w.bytes),
      ),
      runningByOwner: new Map(owners.map((o, i) => [o, v.running[i] ?? 0])),
      undownloadedByOwner: new Map(owners.map((o, i) => [o, v.undownloaded[i] ?? 0])),
      begun: new Set(),
      space: v.room === undefined ? { used: v.used } : { used: v.used, room: v.room },
    };
  });
const anyLimits = fc.record({
  running: fc.integer({ min: 1, max: 12 }),
  runningPerUser: fc.integer({ min: 1, max: 6 }),
  gate: fc.constantFrom("Always", "WhenFull", "Never") as fc.Arbitrary<Limits["gate"]>,
  gatePerUser: fc.integer({ min: 1, max: 4 }),
});

test("choose() never exceeds a limit or the room, starts nothing twice, and explains every order it holds back", () => {
  fc.assert(
    fc.property(views, anyLimits, (v, limits) => {
      const { start, held } = choose(v, limits);
      expect(new Set(start).size).toBe(start.length);
      const before = [...v.runningByOwner.values()].reduce((a, b) => a + b, 0);
      expect(start.length === 0 || before + start.length <= limits.running).toBe(true);
      for (const owner of owners) {
        const mine = start.filter((c) => c.owner === owner).length;
        expect(mine === 0 || mine + (v.runningByOwner.get(owner) ?? 0) <= limits.runningPerUser).toBe(true);
      }
      const bytes = start.reduce((sum, c) => sum + c.bytes, 0);
      const isLoneTry = v.space.used === 0 && before === 0;
      if (v.space.room !== undefined && !isLoneTry) expect(bytes).toBeLessThanOrEqual(v.space.room);
      const begun = new Set(start.map((c) => c.orderId));
      for (const { orderId } of v.waiting) expect(begun.has(orderId) || held.has(orderId)).toBe(true);
    }),
  );
});

test("choose() is fair: nobody gets two more than another who still waits for a place", () => {
  fc.assert(
    fc.property(views, fc.integer({ min: 1, max: 20 }), (v, running) => {
      const quiet = { ...v, runningByOwner: new Map<string, number>(), space: { used: 0 } };
      const { start } = choose(quiet, { ...LIMITS, gate: "Never", running, runningPerUser: 100 });
      const got = (owner: string) => start.filter((c) => c.owner === owner).length;
      for (const owner of owners) {
        const still = v.waiting.filter((c) => c.owner === owner).length > got(owner);
        if (still) for (const other of owners) expect(got(other) - got(owner)).toBeLessThanOrEqual(1);
      }
    }),
  );
});
