import { expect, test } from "bun:test";
import { aResolvedRow, aSubOrderRow } from "#test/support/order-builders.ts";
import { messages, type Teller } from "./messages.ts";

const LINK = "https://archive.example/api/v1/rs-order/user/orders/7/download";

function teller(over: Partial<Teller> = {}): Teller {
  const row = aResolvedRow(2);
  const quiet = {
    untold: [],
    more: false,
    generation: 1,
    cancelled: false,
    expiresSoon: false,
    finishedWithWarningStatus: "FAILED",
  } as const;
  return { row, model: row, downloadLink: LINK, ...quiet, ...over };
}

function ended(
  status: "DONE" | "DONE_WITH_WARNING" | "FAILED",
  files: { available: number; failed: number },
): Teller["model"] {
  const total = files.available + files.failed;
  return { ...aResolvedRow(2), status, files: { total, pending: 0, downloaded: 0, ...files } };
}

test("messages() grants an order under a key that makes it once", () => {
  expect(messages(teller())).toEqual([
    { dedupKey: "granted", kind: "GRANTED", payload: { correlationId: "key-7", status: "GRANTED", orderId: 7 } },
  ]);
});

test("messages() tells of a sub-order in the contract's words", () => {
  const files = { total: 2, pending: 0, available: 2, downloaded: 0, failed: 0 };
  const subOrders = { total: 2, waiting: 1, running: 0, succeeded: 1, failed: 0 };
  const model = { ...aResolvedRow(2), subOrders };
  const [, done] = messages(teller({ model, untold: [aSubOrderRow({ state: "Succeeded", files })] }));
  expect(done).toEqual({
    dedupKey: "suborder:1:1",
    kind: "SUBORDER_DONE",
    payload: {
      correlationId: "key-7",
      status: "SUBORDER_DONE",
      orderId: 7,
      message: "A sub-order of user ada@lab.org is finished and ready to download.",
      downloadLink: LINK,
      totalSubOrders: 2,
      subOrderId: 71,
    },
  });
});

test("messages() warns of a sub-order in which files failed, and is silent about one without any", () => {
  const some = { total: 3, pending: 0, available: 1, downloaded: 0, failed: 2 };
  const none = { total: 3, pending: 0, available: 0, downloaded: 0, failed: 3 };
  const untold = [aSubOrderRow({ files: some }), aSubOrderRow({ number: 2, files: none })];
  const [, ...told] = messages(teller({ untold }));
  expect(told.map((m) => m.dedupKey)).toEqual(["suborder:1:1"]);
  expect(told[0]?.payload).toMatchObject({
    message: "A sub-order of user ada@lab.org is finished with some warnings.",
    errorType: "INTERNAL_ERROR",
    errorCode: "INTERNAL_ERROR",
    errors: 2,
  });
});

const FINALS = {
  "all files are there": {
    model: ended("DONE", { available: 2, failed: 0 }),
    setting: "FAILED" as const,
    want: {
      kind: "DONE",
      status: "DONE",
      message: "Order of user ada@lab.org is finished",
      link: LINK,
      errors: undefined,
    },
  },
  "some files failed (D9)": {
    model: ended("DONE_WITH_WARNING", { available: 1, failed: 1 }),
    setting: "FAILED" as const,
    want: {
      kind: "FAILED",
      status: "FAILED",
      message: "Order of user ada@lab.org is finished with some warnings.",
      link: LINK,
      errors: 1,
    },
  },
  "some files failed and the tenant wants the newer word": {
    model: ended("DONE_WITH_WARNING", { available: 1, failed: 1 }),
    setting: "DONE_WITH_WARNING" as const,
    want: {
      kind: "DONE",
      status: "DONE_WITH_WARNING",
      message: "Order of user ada@lab.org is finished with some warnings.",
      link: LINK,
      errors: 1,
    },
  },
  "no file could be had": {
    model: ended("FAILED", { available: 0, failed: 2 }),
    setting: "FAILED" as const,
    want: {
      kind: "FAILED",
      status: "FAILED",
      message: "Order of user ada@lab.org is finished with errors. One or many files could not be retrieved.",
      link: undefined,
      errors: 2,
    },
  },
};
for (const [name, { model, setting, want }] of Object.entries(FINALS)) {
  test(`messages() ends a run when ${name}`, () => {
    const [, final] = messages(teller({ model, finishedWithWarningStatus: setting }));
    const { kind, payload } = final ?? {};
    const { status, message, downloadLink, errors } = payload ?? {};
    expect(final?.dedupKey).toBe("final:0");
    expect({ kind, status, message, link: downloadLink, errors } as unknown).toEqual(want);
  });
}

test("messages() ends the run of a retry under a key of its own", () => {
  const row = aResolvedRow(2, { retriesServed: 3 });
  const told = messages(teller({ row, model: ended("DONE", { available: 2, failed: 0 }) }));
  expect(told.map((m) => m.dedupKey)).toEqual(["granted", "retried:3", "final:3"]);
});

test("messages() ends a run after the last of its sub-orders only, however many there are", () => {
  const model = ended("DONE", { available: 2, failed: 0 });
  expect(messages(teller({ model, more: true })).map((m) => m.dedupKey)).toEqual(["granted"]);
});

const running = aResolvedRow(2);
const paused = aResolvedRow(2, { status: "PAUSED" });
const NOTICES = {
  "a pause": { row: running, model: paused, want: ["paused:4"] },
  "a pause that goes on": { row: paused, model: paused, want: [] },
  "work that goes on again": { row: paused, model: running, want: ["resumed:4"] },
  "an order that is cancelled while it is paused": {
    row: paused,
    model: ended("FAILED", { available: 0, failed: 2 }),
    cancelled: true,
    want: ["cancelled", "final:0"],
  },
  "an order that expires after its end": {
    row: aResolvedRow(2, { status: "DONE" }),
    model: aResolvedRow(2, { status: "EXPIRED" }),
    want: ["expired"],
  },
  "an order that is deleted while it is paused": {
    row: paused,
    model: aResolvedRow(2, { status: "DELETED" }),
    want: ["final:0", "deleted"],
  },
};
for (const [name, { want, ...over }] of Object.entries(NOTICES)) {
  test(`messages() tells of ${name}`, () => {
    const [, ...told] = messages(teller({ generation: 4, ...over }));
    expect(told.map((m) => m.dedupKey)).toEqual(want);
  });
}

test("messages() tells what happened in a sentence, and until when the files stay", () => {
  const expirationTime = new Date("2026-03-08T12:00:00Z");
  const [, notice] = messages(teller({ row: { ...running, expirationTime }, model: paused }));
  expect(notice).toEqual({
    dedupKey: "paused:1",
    kind: "PAUSED",
    payload: {
      correlationId: "key-7",
      status: "PAUSED",
      orderId: 7,
      message: "Order of user ada@lab.org is paused",
      expirationDate: "2026-03-08T12:00:00.000Z",
    },
  });
});
