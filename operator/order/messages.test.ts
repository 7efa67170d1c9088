import { expect, test } from "bun:test";
import { aResolvedRow, aSubOrderRow } from "#test/support/order-builders.ts";
import { messages, type Teller } from "./messages.ts";

const LINK = "https://archive.example/api/v1/rs-order/user/orders/7/download";

function teller(over: Partial<Teller> = {}): Teller {
  const row = aResolvedRow(2);
  return { row, model: row, untold: [], downloadLink: LINK, finishedWithWarningStatus: "FAILED", ...over };
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
  expect(told.map((m) => m.dedupKey)).toEqual(["granted", "final:3"]);
});
