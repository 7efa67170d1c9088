import { describe, expect, test } from "bun:test";
import { pino } from "pino";
import { stopParts } from "./shutdown.ts";

const logger = pino({ enabled: false });

describe("stopParts()", () => {
  /** A part that tells when it is asked to stop, and when it has stopped. */
  const part = (told: string[], name: string, stop: () => Promise<unknown>) => ({
    name,
    withinMs: 30,
    stop: async () => {
      told.push(name);
      await stop();
      told.push(`${name} stopped`);
    },
  });

  test("stops one stage after the other, whatever becomes of each part", async () => {
    const told: string[] = [];
    const late = await stopParts(
      [
        [part(told, "good", async () => {})],
        [part(told, "throws", () => Promise.reject(new Error("no")))],
        [part(told, "hangs", () => new Promise(() => {}))],
        [part(told, "last", async () => {})],
      ],
      logger,
    );
    expect(told).toEqual(["good", "good stopped", "throws", "hangs", "last", "last stopped"]);
    expect(late).toEqual(["hangs"]);
  });

  test("asks all parts of a stage to stop before it waits for any, and each has its own time", async () => {
    const told: string[] = [];
    const asked = Promise.withResolvers<void>();
    const late = await stopParts(
      [
        [
          part(told, "hangs", () => new Promise(() => {})),
          part(told, "first", () => asked.promise),
          part(told, "second", async () => asked.resolve()),
        ],
        [part(told, "last", async () => {})],
      ],
      logger,
    );
    expect(told).toEqual(["hangs", "first", "second", "first stopped", "second stopped", "last", "last stopped"]);
    expect(late).toEqual(["hangs"]);
  });
});
