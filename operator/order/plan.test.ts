import { expect, test } from "bun:test";
import type { OrderRow } from "#store/orders.ts";
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
import type { OrderObserved } from "./observed.ts";
import { plan } from "./plan.ts";

const at = (minutes: number) => new Date(NOW.getTime() + minutes * 60_000);
const RUNNING = { total: 1, waiting: 0, running: 1, succeeded: 0, failed: 0 };
const WAITING = { total: 1, waiting: 1, running: 0, succeeded: 0, failed: 0 };
const ENDED = { total: 1, waiting: 0, running: 0, succeeded: 1, failed: 0 };
const DONE = { total: 2, pending: 0, available: 2, downloaded: 0, failed: 0 };
const PENDING = { total: 2, pending: 2, available: 0, downloaded: 0, failed: 0 };

function running(over: Partial<OrderObserved> = {}, row = aSubOrderRow()): OrderObserved {
  const work = someWork({ files: row.files, subOrders: RUNNING, active: [row] });
  return anObserved({ row: aResolvedRow(1), work, ...over });
}

const CASES: Record<string, { observed: OrderObserved; now?: Date; wantFirst?: string[]; wantActions?: string[] }> = {
  "makes the row of an order that came as a resource": { observed: withoutRow(), wantFirst: ["insertRow"] },
  "makes no row of an order that is deleted": {
    observed: withoutRow({ deletionTimestamp: NOW.toISOString() }),
  },
  "binds the row that REST made to its resource": {
    observed: anObserved({ row: unbound() }),
    wantFirst: ["bindRow"],
  },
  "makes the SubOrder of a started row": { observed: running(), wantActions: ["createSubOrder"] },
  "raises the attempt of a SubOrder that is there": {
    observed: running({ subOrders: [aSubOrder(aSubOrderRow({ attempt: 1 }))] }, aSubOrderRow({ attempt: 2 })),
    wantActions: ["raiseAttempt"],
  },
  "leaves a SubOrder alone that works": { observed: running({ subOrders: [aSubOrder(aSubOrderRow())] }) },
  "ends a row whose Job did it all": {
    observed: running(
      { subOrders: [aSubOrder(aSubOrderRow(), { reason: "AllFilesAvailable" })] },
      aSubOrderRow({ files: DONE }),
    ),
    wantFirst: ["endSubOrder"],
  },
  "does not believe the end of an earlier attempt": {
    observed: running(
      { subOrders: [aSubOrder(aSubOrderRow(), { reason: "JobFailed" })] },
      aSubOrderRow({ attempt: 2 }),
    ),
    wantActions: ["raiseAttempt"],
  },
  "tries again when the source is not ready": {
    observed: running({ subOrders: [aSubOrder(aSubOrderRow(), { reason: "NotReady" })] }),
    wantFirst: ["againSubOrder"],
  },
  "gives a silent source up (D11)": {
    observed: running({
      subOrders: [aSubOrder(aSubOrderRow(), { reason: "NotReady" })],
      silentSince: new Map([[1, NOW]]),
    }),
    now: at(120),
    wantFirst: ["endSubOrder"],
  },
  "stops the Jobs of a paused order": {
    observed: running({ order: anOrder({ spec: { suspend: true } }), subOrders: [aSubOrder(aSubOrderRow())] }),
    wantActions: ["deleteSubOrder"],
  },
  "waits until a live look shows that they have stopped": {
    observed: running({ order: anOrder({ spec: { suspend: true } }), live: ["uid-of-one-not-in-the-cache"] }),
  },
  "puts the rows of a paused order back when they have": {
    observed: running({ order: anOrder({ spec: { suspend: true } }), live: [] }),
    wantFirst: ["againSubOrder"],
  },
  "gives up what is pending of a cancelled order": {
    observed: running({ order: anOrder({ spec: { shutdown: "Cancel" } }), live: [] }),
    wantFirst: ["againSubOrder", "cancelPending"],
  },
  "ends the search of an order that is cancelled while it is resolved": {
    observed: anObserved({ order: anOrder({ spec: { shutdown: "Cancel" } }) }),
    wantFirst: ["appendSubOrders"],
  },
  "serves a retry when the run before it was told": {
    observed: ended({ status: "DONE_WITH_WARNING", retry: 1 }),
    wantFirst: ["retryFailed"],
  },
  "serves no retry of an order with a process": {
    observed: ended({ status: "DONE_WITH_WARNING", retry: 1, process: "cut" }),
  },
  "tells the end of a run before a retry is served": { observed: ended({ status: "RUNNING", retry: 1 }) },
  "gives an expired order's files back and takes its resource away": {
    observed: ended({ status: "EXPIRED" }),
    wantActions: ["purgeFiles", "deleteOrder"],
  },
  "gives back the files of an order whose deletion somebody else holds up": {
    observed: anObserved({
      order: anOrder({ metadata: { deletionTimestamp: NOW.toISOString() } }),
      row: aResolvedRow(1, { status: "DELETED" }),
    }),
    wantActions: ["purgeFiles"],
  },
  "leaves an order alone that goes with its namespace": {
    observed: goingWithItsNamespace(),
  },
};

for (const [name, { observed, now = NOW, wantFirst = [], wantActions = [] }] of Object.entries(CASES)) {
  test(`plan() ${name}`, () => {
    const { first, actions } = plan(observed, now);
    expect(first.map((action) => action.kind)).toEqual(wantFirst as (typeof first)[number]["kind"][]);
    if (first.length === 0) expect(actions.map((a) => a.kind)).toEqual(wantActions as (typeof first)[number]["kind"][]);
  });
}

type Told = { word: string; reason: string; percent: number; waitingForUser?: boolean };
const STANDS: Record<string, { observed: OrderObserved; now?: Date; want: Told }> = {
  "an order that is searched for": {
    observed: anObserved(),
    want: { word: "PENDING", reason: "Waiting", percent: 0 },
  },
  "an order that works": { observed: running(), want: { word: "RUNNING", reason: "Running", percent: 0 } },
  "an order whose Jobs all stand in the queue of the cluster": {
    observed: { ...running(), subOrders: [aSubOrder(aSubOrderRow(), { reason: "WaitingForQueue" })] },
    want: { word: "RUNNING", reason: "WaitingForQueue", percent: 0 },
  },
  "an order of which one Job stands in the queue and one works": {
    observed: {
      ...running({
        work: someWork({ files: PENDING, subOrders: RUNNING, active: [aSubOrderRow(), aSubOrderRow({ number: 2 })] }),
      }),
      subOrders: [
        aSubOrder(aSubOrderRow(), { reason: "WaitingForQueue" }),
        aSubOrder(aSubOrderRow({ number: 2 }), { reason: "Running" }),
      ],
    },
    want: { word: "RUNNING", reason: "Running", percent: 0 },
  },
  "an order that waits for its turn": {
    observed: waiting({}),
    want: { word: "RUNNING", reason: "WaitingForSlot", percent: 0 },
  },
  "an order that the gate holds back": {
    observed: waiting({ heldBack: "user" }),
    want: { word: "RUNNING", reason: "WaitingForUser", percent: 0, waitingForUser: true },
  },
  "an order whose source asked for patience": {
    observed: { ...waiting({}), work: someWork({ files: PENDING, subOrders: WAITING, nextNotBefore: at(5) }) },
    want: { word: "RUNNING", reason: "WaitingForSource", percent: 0 },
  },
  "a paused order": {
    observed: waiting({ order: anOrder({ spec: { suspend: true } }) }),
    want: { word: "PAUSED", reason: "Suspended", percent: 0 },
  },
  "an order with every file there": {
    observed: ended({}),
    want: { word: "DONE", reason: "AllFilesAvailable", percent: 100 },
  },
  "an order of files without a size that is not finished (P12)": {
    observed: { ...running(), work: someWork({ files: { ...PENDING, pending: 1, available: 1 }, subOrders: RUNNING }) },
    want: { word: "RUNNING", reason: "WaitingForSlot", percent: 50 },
  },
  "an order of files without a size (P12)": {
    observed: ended({}),
    want: { word: "DONE", reason: "AllFilesAvailable", percent: 100 },
  },
  "an order with an unsized file pending beside sized ones that are there (P12)": {
    observed: {
      ...running(),
      work: someWork({
        files: { ...PENDING, pending: 1, available: 1 },
        bytes: { total: 10, available: 10, failed: 0 },
        subOrders: RUNNING,
        active: [aSubOrderRow()],
      }),
    },
    want: { word: "RUNNING", reason: "Running", percent: 99 },
  },
  "an order in which some files failed": {
    observed: ended({ files: { ...DONE, available: 1, failed: 1 } }),
    want: { word: "DONE_WITH_WARNING", reason: "SomeFilesFailed", percent: 100 },
  },
  "an order in which all files failed": {
    observed: ended({ files: { ...DONE, available: 0, failed: 2 } }),
    want: { word: "FAILED", reason: "AllFilesFailed", percent: 100 },
  },
  "an order whose products are gone": {
    observed: anObserved({ row: aResolvedRow(0) }),
    want: { word: "DONE_WITH_WARNING", reason: "NothingToDeliver", percent: 100 },
  },
  "an order that the catalogue refuses": {
    observed: anObserved({
      row: aResolvedRow(0, {
        cursor: {
          after: 0,
          made: 0,
          internal: 0,
          stopped: { reason: "CatalogueFailed", message: "unknown attribute" },
        },
      }),
    }),
    want: { word: "FAILED", reason: "Refused", percent: 100 },
  },
  "an order whose time is over": {
    observed: waiting({}),
    now: at(60 * 24 * 8),
    want: { word: "EXPIRED", reason: "Expired", percent: 0 },
  },
};

for (const [name, { observed, now = NOW, want }] of Object.entries(STANDS)) {
  test(`plan() tells how ${name} stands`, () => {
    const { model, status } = plan(observed, now);
    const succeeded = status.conditions?.find((c) => c.type === "Succeeded");
    const { word, reason, percent, waitingForUser = false } = want;
    expect(model).toMatchObject({ status: word, percentCompleted: percent, waitingForUser } as object);
    expect(succeeded).toMatchObject({ reason, status: reason === "AllFilesAvailable" ? "True" : expect.any(String) });
    expect(status.message?.length).toBeGreaterThan(0);
  });
}

test("plan() says why nothing can be delivered, in the contract's words", () => {
  const gone = plan(anObserved({ row: aResolvedRow(0) }), NOW);
  expect(gone.model?.message).toBe("It seems that the queried features do not exist anymore.");
  const filtered = plan(anObserved({ row: aResolvedRow(0, { productsFound: 3 }) }), NOW);
  expect(filtered.model?.message).toBe("No file match filters.");
});

test("plan() warns of a download that failed, but tells the requester nothing new", () => {
  const observed = ended({ status: "RUNNING" });
  const work = { ...someWork({ files: DONE, subOrders: ENDED }), downloadErrors: 1 };
  const { model, messages } = plan({ ...observed, work }, NOW);
  expect(model?.status).toBe("DONE_WITH_WARNING");
  expect(model?.files).toEqual({ ...DONE, available: DONE.available - 1 });
  expect(messages.at(-1)).toMatchObject({ dedupKey: "final:0", kind: "DONE", payload: { status: "DONE" } });
});

test("plan() does not expire an order whose files still arrive", () => {
  const row = aResolvedRow(1, { expirationTime: at(10) });
  const work = someWork({ files: PENDING, subOrders: RUNNING, active: [aSubOrderRow()], lastReportAt: at(9) });
  const planned = plan(anObserved({ row, work, subOrders: [aSubOrder(aSubOrderRow())] }), at(11));
  expect(planned.model).toMatchObject({ status: "RUNNING", expirationTime: at(9 + 120) });
});

test("plan() gives a retried order its whole time again", () => {
  const row = aResolvedRow(1, { completionTime: NOW, expirationTime: at(10), retriesServed: 1 });
  const work = someWork({ files: PENDING, subOrders: WAITING });
  const { model } = plan(anObserved({ row, work }), at(5));
  expect(model?.expirationTime).toEqual(at(5 + 3 * 120));
  expect(model?.completionTime).toBeUndefined();
});

test("plan() asks a patient source one last time when the tenant's patience ends", () => {
  const late = aSubOrder(aSubOrderRow(), { reason: "NotReady", notBefore: at(600) });
  const { first } = plan(running({ subOrders: [late], silentSince: new Map([[1, NOW]]) }), at(30));
  expect(first).toEqual([expect.objectContaining({ kind: "againSubOrder", notBefore: at(120) })]);
});

test("plan() looks again when the expiration is to be told and when the order expires, though nothing happens", () => {
  const { row = aRow(), settings, ...observed } = ended({});
  const told = { ...observed, row, settings };
  expect(plan(told, at(1)).requeueAfterMs).toBe(4.5 * 3_600_000 - 60_000);
  const untold = { ...told, settings: { ...settings, expirationNoticeHours: 0 } };
  expect(plan(untold, at(1)).requeueAfterMs).toBe(6 * 3_600_000 - 60_000);
});

const HOUR = 60;
const wishing = (expirationTime: Date, over: Partial<OrderRow> = {}) =>
  anObserved({
    order: anOrder({ spec: { expirationTime: expirationTime.toISOString() } }),
    row: aResolvedRow(1, { status: "DONE", completionTime: NOW, expirationTime: at(6 * HOUR), ...over }),
    work: someWork({ files: DONE, subOrders: ENDED, lastReportAt: at(-10) }),
  });

const WISHES: Record<string, { wish: Date; over?: Partial<OrderRow>; now: Date; want: Date }> = {
  "a new wish holds, later than planned": { wish: at(100 * HOUR), now: at(10), want: at(100 * HOUR) },
  "a new wish holds, sooner than planned": { wish: at(30), now: at(10), want: at(30) },
  "a new wish is cut to the tenant's maximum from now": {
    wish: at(999 * HOUR),
    now: at(10),
    want: at(168 * HOUR + 10),
  },
  "a wish that was judged is not judged again, so it does not creep": {
    wish: at(999 * HOUR),
    over: { expirationTime: at(168 * HOUR + 10), expirationAsked: at(999 * HOUR), expirationAskedAt: at(10) },
    now: at(50 * HOUR),
    want: at(168 * HOUR + 10),
  },
  "another wish is judged anew": {
    wish: at(20 * HOUR),
    over: { expirationTime: at(50 * HOUR), expirationAsked: at(50 * HOUR), expirationAskedAt: at(10) },
    now: at(60),
    want: at(20 * HOUR),
  },
};
for (const [name, { wish, over, now, want }] of Object.entries(WISHES)) {
  test(`plan(): ${name}`, () => {
    const { model } = plan(wishing(wish, over), now);
    expect(model?.expirationTime).toEqual(want);
    expect(model?.expirationAsked).toEqual(wish);
  });
}

test("plan() keeps files that arrive after a wish for a while, but not those that were there when it was made", () => {
  const judged = { expirationTime: at(30), expirationAsked: at(30), expirationAskedAt: at(10) };
  const row = aResolvedRow(1, judged);
  const order = anOrder({ spec: { expirationTime: at(30).toISOString() } });
  const files = (lastReportAt: Date) =>
    anObserved({ order, row, work: someWork({ files: PENDING, subOrders: WAITING, lastReportAt }) });
  expect(plan(files(at(9)), at(31)).model).toMatchObject({ status: "EXPIRED" });
  expect(plan(files(at(29)), at(31)).model).toMatchObject({ status: "RUNNING", expirationTime: at(29 + 2 * HOUR) });
});

test("plan() expires an order at the wish of its owner even before it is resolved", () => {
  const order = anOrder({ spec: { expirationTime: at(30).toISOString() } });
  const row = aRow({ expirationTime: at(30), expirationAsked: at(30), expirationAskedAt: NOW });
  expect(plan(anObserved({ order, row }), at(29)).model).toMatchObject({ status: "PENDING", expirationTime: at(30) });
  expect(plan(anObserved({ order, row }), at(31)).model).toMatchObject({ status: "EXPIRED" });
});

test("plan() does not make the end sooner by a retry", () => {
  const row = aResolvedRow(1, { completionTime: NOW, expirationTime: at(100 * HOUR), retriesServed: 1 });
  const work = someWork({ files: PENDING, subOrders: WAITING });
  expect(plan(anObserved({ row, work }), at(5)).model?.expirationTime).toEqual(at(100 * HOUR));
});

const soonTold = (observed: OrderObserved, now: Date) =>
  plan(observed, now).messages.flatMap(({ dedupKey }) => (dedupKey.startsWith("expires-soon") ? [dedupKey] : []));

test("plan() tells once for each date that an order expires soon, and again when it was put off", () => {
  expect(soonTold(ended({}), at(4 * HOUR))).toEqual([]);
  expect(soonTold(ended({}), at(5 * HOUR))).toEqual([`expires-soon:${at(6 * HOUR).toISOString()}`]);
  const judged = { expirationAsked: at(48 * HOUR), expirationAskedAt: at(10), expirationTime: at(48 * HOUR) };
  const extended = wishing(at(48 * HOUR), judged);
  expect(soonTold(extended, at(5 * HOUR))).toEqual([]);
  expect(soonTold(extended, at(40 * HOUR))).toEqual([`expires-soon:${at(48 * HOUR).toISOString()}`]);
});

test("plan() does not tell it of an order without files, nor while files arrive", () => {
  const none = { total: 2, pending: 0, available: 0, downloaded: 0, failed: 2 };
  expect(soonTold(ended({ files: none }), at(5 * HOUR))).toEqual([]);
  const work = someWork({ files: PENDING, subOrders: RUNNING, active: [aSubOrderRow()], lastReportAt: at(5 * HOUR) });
  const busy = anObserved({ row: aResolvedRow(1), work, subOrders: [aSubOrder(aSubOrderRow())] });
  expect(soonTold(busy, at(5 * HOUR + 30))).toEqual([]);
  const { work: _, ...rest } = busy;
  const quiet = { ...rest, work: someWork({ files: PENDING, subOrders: WAITING, lastReportAt: at(4 * HOUR) }) };
  expect(soonTold(quiet, at(5 * HOUR + 30))).toHaveLength(1);
});

test("plan() refuses a resource whose key is another order's, and does nothing about it", () => {
  const row = aRow({ resourceUid: "uid-of-another" });
  const { status, actions } = plan(anObserved({ row }), NOW);
  const accepted = status.conditions?.find((c) => c.type === "Accepted");
  expect(accepted).toMatchObject({ status: "False", reason: "CorrelationIdTaken" });
  expect(actions).toEqual([]);
});

function withoutRow(metadata: Partial<ReturnType<typeof anOrder>["metadata"]> = {}): OrderObserved {
  const { row: _row, work: _work, ...rest } = anObserved({ order: anOrder({ metadata }) });
  return { ...rest, admission: { kind: "welcome", role: "REGISTERED_USER", groups: [] } };
}

function goingWithItsNamespace(): OrderObserved {
  const order = anOrder({ metadata: { deletionTimestamp: NOW.toISOString() } });
  const { work: _work, ...rest } = anObserved({ order, row: aResolvedRow(1) });
  return rest;
}

function unbound() {
  const { resourceUid: _, ...row } = aRow();
  return row;
}

function waiting(over: Partial<OrderObserved>): OrderObserved {
  return anObserved({ row: aResolvedRow(1), work: someWork({ files: PENDING, subOrders: WAITING }), ...over });
}

function ended(o: {
  status?: "RUNNING" | "DONE_WITH_WARNING" | "EXPIRED";
  retry?: number;
  files?: typeof DONE;
  process?: string;
}): OrderObserved {
  const plain = aResolvedRow(1, o.status ? { status: o.status } : {});
  const selections = [{ query: "*", process: { name: o.process ?? "" } }];
  const row = o.process === undefined ? plain : { ...plain, spec: { ...plain.spec, selections } };
  const work = someWork({ files: o.files ?? DONE, subOrders: ENDED });
  return anObserved({ order: anOrder({ spec: { retry: o.retry ?? 0 } }), row, work });
}
