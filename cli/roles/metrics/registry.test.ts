import { describe, expect, test } from "bun:test";
import { Registry } from "./registry.ts";

describe("Registry", () => {
  test("writes the text format: help, type, samples, labels escaped", async () => {
    const registry = new Registry();
    registry.gauge("depth", "How deep.").set(3, { where: 'a "b"\\\n' });
    const told = registry.counter("told_total", "How often.");
    told.add();
    told.add(2);
    expect(await registry.text()).toBe(
      '# HELP depth How deep.\n# TYPE depth gauge\ndepth{where="a \\"b\\"\\\\\\n"} 3\n' +
        "# HELP told_total How often.\n# TYPE told_total counter\ntold_total 3\n",
    );
  });

  test("counts a histogram's values into every bucket that they fit", async () => {
    const registry = new Registry();
    const seconds = registry.histogram("seconds", "How long.", [0.1, 1]);
    for (const value of [0.05, 0.5, 5]) seconds.observe(value, { of: "x" });
    const lines = (await registry.text()).split("\n").filter((line) => line.startsWith("seconds"));
    expect(lines).toEqual([
      'seconds_bucket{of="x",le="0.1"} 1',
      'seconds_bucket{of="x",le="1"} 2',
      'seconds_bucket{of="x",le="+Inf"} 3',
      'seconds_sum{of="x"} 5.55',
      'seconds_count{of="x"} 3',
    ]);
  });

  test("asks collectors at each reading, and does without one that fails", async () => {
    const registry = new Registry();
    const depth = registry.gauge("depth", "How deep.");
    let readings = 0;
    registry.onCollect(() => depth.set(++readings));
    registry.onCollect(() => Promise.reject(new Error("away")));
    await registry.text();
    expect(await registry.text()).toContain("depth 2\n");
  });

  test("refuses a name that is none, is taken, or says counter wrongly", () => {
    const registry = new Registry();
    registry.gauge("depth", "How deep.");
    expect(() => registry.gauge("depth", "Again.")).toThrow("two metrics 'depth'");
    expect(() => registry.gauge("Tiefe!", "None.")).toThrow("Cannot name a metric");
    expect(() => registry.counter("times", "None.")).toThrow("_total");
  });
});
