import { describe, expect, test } from "bun:test";
import pino from "pino";
import { type Emission, eventRecorder, type Regarding } from "./events.ts";
import type { Event } from "./kinds.ts";
import { handlerTransport } from "./transport.ts";

const REGARDING: Regarding = {
  apiVersion: "order.regards.io/v1alpha1",
  kind: "Order",
  metadata: { name: "order-1", namespace: "tenant", uid: "u1", resourceVersion: "7" },
};
const SAID: Emission = { type: "Normal", reason: "Resolved", action: "Resolve", note: "Found 3 files" };

/** Keeps Events as an API server does: POST makes one, PATCH merges into one. */
function recorder(fault?: () => Response | undefined) {
  const events = new Map<string, Event>();
  const lines: string[] = [];
  let time = Date.parse("2026-01-01T00:00:00Z");
  const transport = handlerTransport(
    async (request) => {
      const failure = fault?.();
      if (failure) return failure;
      const body = (await request.json()) as Event;
      const path = new URL(request.url).pathname;
      if (request.method === "POST") {
        events.set(body.metadata.name, {
          ...body,
          metadata: { ...body.metadata, namespace: path.split("/")[5] ?? "" },
        });
        return Response.json(body);
      }
      const name = path.split("/").at(-1) ?? "";
      const known = events.get(name);
      if (!known) return Response.json({ reason: "NotFound" }, { status: 404 });
      events.set(name, { ...known, ...body });
      return Response.json(body);
    },
    { namespace: "default" },
  );
  const logger = pino({ level: "info" }, { write: (line: string) => void lines.push(line) });
  const subject = eventRecorder(transport, { component: "regards-order", now: () => new Date(time), logger });
  return {
    subject,
    events,
    lines,
    all: () => [...events.values()],
    pass: (ms: number) => {
      time += ms;
    },
  };
}

describe("eventRecorder()", () => {
  test("writes an Event that the API takes, in the object's namespace", async () => {
    const { subject, all } = recorder();
    await subject.emit(REGARDING, SAID);
    expect(all()).toEqual([
      {
        apiVersion: "events.k8s.io/v1",
        kind: "Event",
        metadata: { name: expect.stringMatching(/^order-1\.[0-9a-f]{16}$/), namespace: "tenant" },
        eventTime: "2026-01-01T00:00:00.000000Z",
        ...SAID,
        reportingController: "regards-order",
        reportingInstance: "regards-order",
        regarding: {
          apiVersion: "order.regards.io/v1alpha1",
          kind: "Order",
          name: "order-1",
          namespace: "tenant",
          uid: "u1",
          resourceVersion: "7",
        },
      },
    ]);
  });

  test("counts repeats in a series and writes its count when it doubles or a minute has passed", async () => {
    const { subject, all, pass } = recorder();
    const counts: (number | undefined)[] = [];
    for (let i = 0; i < 9; i++) {
      await subject.emit(REGARDING, SAID);
      counts.push(all()[0]?.series?.count);
      pass(1_000);
    }
    expect(counts).toEqual([undefined, 2, 2, 4, 4, 4, 4, 8, 8]);
    pass(60_000);
    await subject.emit(REGARDING, SAID);
    expect(all()).toHaveLength(1);
    expect(all()[0]?.series).toEqual({ count: 10, lastObservedTime: "2026-01-01T00:01:09.000000Z" });
  });

  test("starts another Event for another saying, another object, and after a long silence", async () => {
    const { subject, all, pass } = recorder();
    await subject.emit(REGARDING, SAID);
    await subject.emit(REGARDING, { ...SAID, note: "Found 4 files" });
    await subject.emit({ ...REGARDING, metadata: { ...REGARDING.metadata, uid: "u2" } }, SAID);
    expect(all()).toHaveLength(3);
    pass(7 * 60_000);
    await subject.emit(REGARDING, SAID);
    expect(all()).toHaveLength(4);
  });

  test("starts again when the server has forgotten the Event", async () => {
    const { subject, events, all } = recorder();
    await subject.emit(REGARDING, SAID);
    events.clear();
    await subject.emit(REGARDING, SAID);
    expect(all()).toHaveLength(1);
    expect(all()[0]?.series).toBeUndefined();
  });

  test("keeps names and notes within the API's bounds, in bytes", async () => {
    const { subject, all } = recorder();
    const metadata = { ...REGARDING.metadata, name: "x".repeat(253) };
    await subject.emit({ ...REGARDING, metadata }, { ...SAID, note: "é".repeat(2_000) });
    expect(all()[0]?.metadata.name.length).toBe(253);
    const bytes = new TextEncoder().encode(all()[0]?.note).length;
    expect(bytes).toBeLessThanOrEqual(1024);
    expect(bytes).toBeGreaterThan(1000);
    expect(all()[0]?.note).not.toContain("\uFFFD");
  });

  test("never throws: a refusal or a dead server is logged", async () => {
    for (const fault of [
      () => Response.json({ reason: "Forbidden" }, { status: 403 }),
      () => {
        throw new Error("connection refused");
      },
    ]) {
      const { subject, lines } = recorder(fault);
      await subject.emit(REGARDING, SAID);
      expect(lines.join()).toContain("Event could not be written");
    }
  });
});
