import { describe, expect, test } from "bun:test";
import { eventually } from "#test/support/eventually.ts";
import { together } from "./batch.ts";
import { Reporter } from "./reporter.ts";

describe("Reporter", () => {
  test("Reporter sends a full batch at once and the rest when its time has come", async () => {
    const sent: number[][] = [];
    const reporter = new Reporter<number>({ everyMs: 20, most: 3, send: async (batch) => void sent.push([...batch]) });
    for (const i of [1, 2, 3, 4]) await reporter.add(i);
    expect(sent).toEqual([[1, 2, 3]]);
    await eventually("the rest is sent", () => sent.length === 2);
    expect(sent[1]).toEqual([4]);
  });

  test("Reporter never sends two batches at the same time and keeps their order", async () => {
    const sent: number[] = [];
    let open = 0;
    const reporter = new Reporter<number>({
      everyMs: 1,
      most: 2,
      send: async (batch) => {
        expect(++open).toBe(1);
        await Bun.sleep(3);
        sent.push(...batch);
        open--;
      },
    });
    await Promise.all(Array.from({ length: 11 }, (_, i) => reporter.add(i)));
    await reporter.flush();
    expect(sent).toEqual(Array.from({ length: 11 }, (_, i) => i));
  });

  test("Reporter tells everyone who comes after a batch that could not be stored", async () => {
    const reporter = new Reporter<number>({ everyMs: 1, most: 1, send: () => Promise.reject(new Error("away")) });
    expect(reporter.add(1)).rejects.toThrow("away");
    await reporter.add(2).catch(() => {});
    expect(reporter.flush()).rejects.toThrow("away");
  });
});

describe("together()", () => {
  test("together() carries what comes during a round in the next one", async () => {
    const rounds: number[][] = [];
    const twice = together(async (items: readonly number[]) => {
      rounds.push([...items]);
      await Bun.sleep(5);
      return (item) => item * 2;
    });
    const first = twice(1);
    await Bun.sleep(1);
    expect(await Promise.all([first, twice(2), twice(3)])).toEqual([2, 4, 6]);
    expect(rounds).toEqual([[1], [2, 3]]);
  });

  test("together() fails those of a failed round only", async () => {
    let fail = true;
    const act = together(async (_: readonly number[]) => {
      if (fail) throw new Error("away");
      return (item) => item;
    });
    expect(act(1)).rejects.toThrow("away");
    await act(1).catch(() => {});
    fail = false;
    expect(await act(2)).toBe(2);
  });
});
