import { describe, expect, test } from "bun:test";
import { pino } from "pino";
import { DatabaseAway, isAway, patiently } from "./patience.ts";

const away = () => Object.assign(new Error("connect"), { code: "ECONNREFUSED" });
const options = { patienceMs: 2000, now: () => new Date(), random: () => 0, logger: pino({ level: "silent" }) };

describe("patiently()", () => {
  test("patiently() waits for a database that comes back", async () => {
    let tries = 0;
    const action = async () => {
      if (++tries < 3) throw away();
      return "here";
    };
    expect(await patiently(action, options, new AbortController().signal)).toBe("here");
    expect(tries).toBe(3);
  });

  test("patiently() gives up when its patience is over", () => {
    const action = () => Promise.reject(away());
    const run = patiently(action, { ...options, patienceMs: 0 }, new AbortController().signal);
    expect(run).rejects.toThrow(DatabaseAway);
  });

  test("patiently() does not repeat a statement that is wrong", async () => {
    let tries = 0;
    const action = async () => {
      tries++;
      throw Object.assign(new Error("syntax error"), { code: "42601" });
    };
    await patiently(action, options, new AbortController().signal).catch(() => {});
    expect(tries).toBe(1);
  });
});

describe("isAway()", () => {
  for (const code of ["57P01", "57P03", "08006", "53300", "CONNECTION_CLOSED", "40P01"]) {
    test(`isAway() takes ${code} for a database that is away`, () => {
      expect(isAway(Object.assign(new Error("x"), { code }))).toBe(true);
    });
  }
});
