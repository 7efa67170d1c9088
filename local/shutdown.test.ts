import { describe, expect, test } from "bun:test";
import { pino } from "pino";
import { stopParts } from "./shutdown.ts";

const logger = pino({ enabled: false });

describe("stopParts()", () => {
  test("stops one part after the other, whatever becomes of each", async () => {
    const stopped: string[] = [];
    const part = (name: string, stop: () => Promise<unknown>) => ({
      name,
      withinMs: 30,
      stop: () => {
        stopped.push(name);
        return stop();
      },
    });
    const late = await stopParts(
      [
        part("good", async () => {}),
        part("throws", () => Promise.reject(new Error("no"))),
        part("hangs", () => new Promise(() => {})),
        part("last", async () => {}),
      ],
      logger,
    );
    expect(stopped).toEqual(["good", "throws", "hangs", "last"]);
    expect(late).toEqual(["hangs"]);
  });
});
