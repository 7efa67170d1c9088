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
  test("is read back by parseTraceparent(), which takes nothing else", () => {
    const trace = orderTrace("a", 1);
    expect(parseTraceparent(traceparent(trace))).toEqual(trace);
    for (const bad of [undefined, "", "00-1-2-01", `01${traceparent(trace).slice(2)}`]) {
      expect(parseTraceparent(bad)).toBeUndefined();
    }
  });
});
