import { describe, expect, test } from "bun:test";
import { attemptSpan, orderTrace, parseTraceparent, traceparent } from "./trace.ts";

describe("orderTrace()", () => {
  test("is the same wherever it is asked for, and another for another order or tenant", () => {
    expect(orderTrace("a", 1)).toEqual(orderTrace("a", 1));
    const traces = [orderTrace("a", 1), orderTrace("a", 2), orderTrace("b", 1)].map(({ traceId }) => traceId);
    expect(new Set(traces).size).toBe(3);
    for (const traceId of traces) expect(traceId).toMatch(/^[0-9a-f]{32}$/);
  });

  test("gives each attempt a span of its own", () => {
    const spans = [1, 2].map((attempt) => attemptSpan("a", { orderId: 1, number: 1, attempt }));
    expect(new Set([...spans, orderTrace("a", 1).spanId]).size).toBe(3);
  });
});

describe("traceparent()", () => {
  const trace = orderTrace("a", 1);
  const { traceId, spanId } = trace;
  test("is read back by parseTraceparent()", () => {
    expect(parseTraceparent(traceparent(trace))).toEqual({ ...trace, sampled: true });
  });

  const read: Record<string, { text: string | undefined; want: ReturnType<typeof parseTraceparent> }> = {
    "one that is not sampled": { text: `00-${traceId}-${spanId}-00`, want: { ...trace, sampled: false } },
    "flags that are not known yet": { text: `00-${traceId}-${spanId}-03`, want: { ...trace, sampled: true } },
    "a later version, which may have more": { text: `01-${traceId}-${spanId}-01-x`, want: { ...trace, sampled: true } },
    "nothing of version 00 with more": { text: `00-${traceId}-${spanId}-01-x`, want: undefined },
    "nothing of version ff": { text: `ff-${traceId}-${spanId}-01`, want: undefined },
    "no trace of zeros": { text: `00-${"0".repeat(32)}-${spanId}-01`, want: undefined },
    "no span of zeros": { text: `00-${traceId}-${"0".repeat(16)}-01`, want: undefined },
    "no capitals": { text: `00-${traceId.toUpperCase()}-${spanId}-01`, want: undefined },
    "nothing too short": { text: "00-1-2-01", want: undefined },
    "nothing empty": { text: "", want: undefined },
    nothing: { text: undefined, want: undefined },
  };
  for (const [name, { text, want }] of Object.entries(read)) {
    test(`parseTraceparent() reads ${name}`, () => expect(parseTraceparent(text)).toEqual(want));
  }
});
