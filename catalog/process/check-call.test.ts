import { describe, expect, test } from "bun:test";
import type { ProcessSpec } from "#crds/process.ts";
import { testProcess } from "#test/support/process.ts";
import { type CallProblem, type CheckedCall, checkCall, coversDataset, datasetProblem } from "./check-call.ts";
import { excessOf, orderedTooMany, selectedTooMany } from "./limits.ts";
import { unreadiness } from "./readiness.ts";

const processWith = (spec: Partial<ProcessSpec>) => testProcess("cut", spec);

const WIDTH = { parameters: { properties: { width: { type: "integer" } }, required: ["width"] } };

describe("checkCall()", () => {
  const check = (spec: Partial<ProcessSpec> | undefined, parameters: Record<string, string> = {}) =>
    checkCall({ name: "cut", parameters }, { process: spec && processWith(spec), role: "REGISTERED_USER" });
  const bad = (kind: CallProblem["kind"], field: string, message: string): CheckedCall => ({
    kind: "bad",
    problems: [{ kind, field, message }],
  });

  test("gives the parameters as the program is to have them", () => {
    const process = processWith(WIDTH);
    expect(checkCall({ name: "cut", parameters: { width: "5" } }, { process, role: "REGISTERED_USER" })).toEqual({
      kind: "good",
      process,
      parameters: { width: 5 },
    });
  });

  test("refuses a process that is not there", () => {
    expect(check(undefined)).toEqual(bad("unknown", "name", "Process 'cut' does not exist"));
  });

  test("refuses whose role is too low, and a stronger role nowhere", () => {
    const words = "Process 'cut' may not be used as REGISTERED_USER: expected at least EXPLOIT";
    expect(check({ role: "EXPLOIT" })).toEqual(bad("role", "name", words));
    const process = processWith({ role: "EXPLOIT" });
    expect(checkCall({ name: "cut" }, { process, role: "EXPLOIT" }).kind).toBe("good");
    expect(checkCall({ name: "cut" }, { process, role: "INSTANCE_ADMIN" }).kind).toBe("good");
    expect(checkCall({ name: "cut" }, { process: processWith({}), role: "PUBLIC" }).kind).toBe("bad");
    expect(checkCall({ name: "cut" }, { process: processWith({ role: "PUBLIC" }), role: "PUBLIC" }).kind).toBe("good");
  });

  test("refuses a process that is not ready, and says why", () => {
    const words = "Process 'cut' is not ready: parameters: type: expected 'object', got '\"array\"'";
    expect(check({ parameters: { type: "array" } })).toEqual(bad("unready", "name", words));
  });

  test("refuses parameters, each by its name", () => {
    expect(check(WIDTH, { width: "wide", height: "1" })).toEqual({
      kind: "bad",
      problems: [
        { kind: "parameters", field: "parameters.width", message: "expected a whole number" },
        { kind: "parameters", field: "parameters.height", message: "unknown parameter; expected one of width" },
      ],
    });
    const together = { parameters: { additionalProperties: true, minProperties: 1 } };
    expect(check(together)).toEqual(bad("parameters", "parameters", "expected not to have fewer than 1 properties"));
  });
});

describe("coversDataset()", () => {
  const dataset = { urn: "URN:1", label: "Radar" };
  test("knows a dataset by its URN or label, and all where none is named", () => {
    expect(coversDataset(processWith({}), dataset)).toBe(true);
    expect(coversDataset(processWith({ datasets: ["URN:1"] }), dataset)).toBe(true);
    expect(coversDataset(processWith({ datasets: ["x", "Radar"] }), dataset)).toBe(true);
    expect(coversDataset(processWith({ datasets: ["radar", "URN:12"] }), dataset)).toBe(false);
  });

  test("datasetProblem() tells which there are, though not hundreds", () => {
    expect(datasetProblem(processWith({ datasets: ["a", "b"] }), dataset).message).toBe(
      "Process 'cut' may not be used on dataset 'Radar': expected one of a, b",
    );
    const datasets = Array.from({ length: 100 }, (_, i) => `d${i}`);
    expect(datasetProblem(processWith({ datasets }), dataset).message).toEndWith(
      "expected one of d0, d1, d2, d3, d4, …",
    );
  });
});

describe("excessOf()", () => {
  const totals = {
    products: 3,
    byType: { RAWDATA: { files: 6, bytes: 600 }, QUICKLOOK_SD: { files: 3, bytes: 3 } },
  };
  const excess = (limits: ProcessSpec["limits"], inputs?: ProcessSpec["inputs"]) =>
    excessOf(processWith({ ...(limits && { limits }), ...(inputs && { inputs }) }), totals);

  test("is of the first limit that is exceeded, of the files that are inputs", () => {
    const forbidSplit = true;
    expect(excess({ products: 2, files: 1, forbidSplit })).toEqual({ unit: "FEATURES", amount: 3, limit: 2 });
    expect(excess({ products: 3, files: 5, forbidSplit })).toEqual({ unit: "FILES", amount: 6, limit: 5 });
    expect(excess({ files: 6, bytes: 599, forbidSplit })).toEqual({ unit: "BYTES", amount: 600, limit: 599 });
    expect(excess({ files: 6, bytes: 600, forbidSplit })).toBeUndefined();
    expect(excess({ files: 8, forbidSplit }, ["RAWDATA", "QUICKLOOK_SD"])).toMatchObject({ amount: 9 });
    expect(excess({ files: 1, forbidSplit }, ["QUICKLOOK_HD"])).toBeUndefined();
  });

  test("is none where 0 is the limit, or where runs may be split", () => {
    expect(excess({ products: 0, files: 0, bytes: 0, forbidSplit: true })).toBeUndefined();
    expect(excess({ products: 1 })).toBeUndefined();
    expect(excess(undefined)).toBeUndefined();
  });

  test("is told in the contract's words", () => {
    const one = { unit: "FILES", amount: 6, limit: 5 } as const;
    expect(selectedTooMany(one)).toBe(
      'The number of selected "FILES" in the basket [6] exceeds the maximum number of "FILES" allowed [5]. Please, decrease the number of selected items or contact the administrator for more information.',
    );
    expect(orderedTooMany(one)).toEndWith(
      "allowed [5]. The order cannot be processed because the parameter forbidSplitInSuborders is active. Please decrease the number of items ordered or contact the administrator for more information.",
    );
  });
});

describe("unreadiness()", () => {
  const resources: Record<string, { resources: NonNullable<ProcessSpec["resources"]>; want: string | undefined }> = {
    "all forms of quantities": {
      resources: {
        requests: { cpu: "500m", memory: "1.5Gi", "ephemeral-storage": "1e3", "example.com/gpu": "1" },
        limits: { cpu: "2", memory: "2G", "hugepages-2Mi": "0", "ephemeral-storage": "1k" },
      },
      want: undefined,
    },
    "a quantity that is none": {
      resources: { limits: { memory: "2 Gi" } },
      want: "resources.limits.memory: expected a quantity such as '500m' or '2Gi', got '2 Gi'",
    },
    "a negative quantity": {
      resources: { requests: { cpu: "-1" } },
      want: "resources.requests.cpu: expected a quantity such as '500m' or '2Gi', got '-1'",
    },
    "a resource that there is not": {
      resources: { requests: { ram: "1" } },
      want: "resources.requests.ram: expected cpu, memory, ephemeral-storage or a resource such as 'nvidia.com/gpu'",
    },
    "a request over its limit": {
      resources: { requests: { memory: "1Gi" }, limits: { memory: "1G" } },
      want: "resources.requests.memory: expected at most the limit '1G', got '1Gi'",
    },
  };
  for (const [name, { resources: given, want }] of Object.entries(resources)) {
    test(`of ${name}`, () => {
      const reason = "InvalidResources";
      expect(unreadiness(processWith({ resources: given }).spec)).toEqual(
        want === undefined ? undefined : { reason, message: want },
      );
    });
  }

  test("of a schema that is none", () => {
    expect(unreadiness(processWith({ parameters: { type: "array" } }).spec)).toEqual({
      reason: "InvalidParameters",
      message: "parameters: type: expected 'object', got '\"array\"'",
    });
    expect(unreadiness(processWith({}).spec)).toBeUndefined();
  });
});
