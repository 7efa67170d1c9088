/** Which changes of a status people are told of. */
import { describe, expect, test } from "bun:test";
import type { Condition } from "#crds/meta.ts";
import { events } from "./events.ts";

function condition(type: string, status: Condition["status"], reason: string): Condition {
  return { type, status, reason, message: `${reason} it is`, lastTransitionTime: "2026-01-01T00:00:00Z" };
}

describe("events()", () => {
  test("tells of a refusal once, by its reason", () => {
    const conditions = [
      condition("Accepted", "False", "InvalidSpec"),
      condition("Resolved", "False", "Waiting"),
      condition("Succeeded", "False", "Refused"),
    ];
    expect(events(undefined, { conditions })).toEqual([
      { type: "Warning", reason: "InvalidSpec", action: "Accept", note: "InvalidSpec it is" },
    ]);
  });

  test("tells of each good step, and is silent when nothing changed", () => {
    const conditions = [
      condition("Accepted", "True", "Accepted"),
      condition("Resolved", "True", "Resolved"),
      condition("Succeeded", "Unknown", "Running"),
    ];
    expect(events(undefined, { conditions }).map(({ type, reason }) => [type, reason])).toEqual([
      ["Normal", "Accepted"],
      ["Normal", "Resolved"],
    ]);
    expect(events({ conditions }, { conditions })).toEqual([]);
  });
});
