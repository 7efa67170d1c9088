import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { customResourceDefinitions } from "./definitions.ts";
import { drift, generatedFiles } from "./generate.ts";
import { API_VERSION } from "./names.ts";
import { ORDERS, PROCESSES, SUBORDERS } from "./resource-types.ts";
import type { SchemaNode } from "./structural.ts";

const definitions = customResourceDefinitions();
const CHART = join(import.meta.dir, "../charts/regards-order-crds/templates");

/** The schema node that a simple path such as `.spec.owner` or `.status.conditions[?(…)].status` leads to. */
function nodeAt(root: SchemaNode, jsonPath: string): SchemaNode | undefined {
  let node: SchemaNode | undefined = root;
  for (const step of jsonPath
    .replaceAll(/\[\?\([^)]*\)\]/g, "[]")
    .split(/\.|(?=\[)/)
    .filter(Boolean)) {
    const next: SchemaNode | undefined = node;
    node =
      step === "[]" ? (next?.["items"] as SchemaNode) : (next?.["properties"] as Record<string, SchemaNode>)?.[step];
  }
  return node;
}

describe("customResourceDefinitions()", () => {
  test("define the three resources under the names that the programs use", () => {
    expect(definitions.map(({ metadata }) => metadata.name)).toEqual([
      "orders.order.regards.io",
      "suborders.order.regards.io",
      "processes.order.regards.io",
    ]);
    for (const [i, type] of [ORDERS, SUBORDERS, PROCESSES].entries()) {
      const { names, group, versions } = definitions[i]!.spec;
      expect({ group, version: versions[0]?.name, plural: names.plural, kind: names.kind }).toEqual({ ...type });
      expect(`${type.group}/${type.version}`).toBe(API_VERSION);
    }
  });

  test("have short names that differ, a category of their own, and stay when the chart is removed", () => {
    expect(definitions.flatMap(({ spec }) => spec.names.shortNames)).toEqual(["ord", "subord", "proc"]);
    for (const { metadata, spec } of definitions) {
      expect(spec.names.categories).toEqual(["regards"]);
      expect(metadata.annotations["helm.sh/resource-policy"]).toBe("keep");
      expect(spec.versions[0]?.subresources).toEqual({ status: {} });
    }
  });

  for (const { spec } of definitions) {
    const version = spec.versions[0]!;
    const schema = version.schema.openAPIV3Schema;
    test(`every column and selectable field of ${spec.names.kind} leads to a scalar of the schema`, () => {
      for (const column of version.additionalPrinterColumns) {
        if (column.jsonPath.startsWith(".metadata")) continue;
        const type = nodeAt(schema, column.jsonPath)?.["type"];
        expect([column.jsonPath, type]).toEqual([column.jsonPath, column.type === "date" ? "string" : column.type]);
      }
      for (const { jsonPath } of version.selectableFields ?? []) {
        expect([jsonPath, nodeAt(schema, jsonPath)?.["type"]]).toEqual([jsonPath, "string"]);
      }
    });

    test(`the rules of ${spec.names.kind} say what must be, and point to fields that exist`, () => {
      const specNode = nodeAt(schema, ".spec")!;
      for (const node of [specNode, nodeAt(specNode, ".selections[]")]) {
        for (const rule of (node?.["x-kubernetes-validations"] ?? []) as { message: string; fieldPath?: string }[]) {
          expect(rule.message).toMatch(/must|may/);
          if (rule.fieldPath !== undefined) expect(nodeAt(node!, rule.fieldPath)).toBeDefined();
        }
      }
    });
  }

  test("fit into an object of a Kubernetes API server many times over", () => {
    for (const definition of definitions) expect(JSON.stringify(definition).length).toBeLessThan(64 * 1024);
  });
});

describe("generatedFiles()", () => {
  test("are YAML of the very definitions", () => {
    const files = [...generatedFiles().values()].map((text) => Bun.YAML.parse(text));
    expect(files).toEqual(JSON.parse(JSON.stringify(definitions)));
  });

  test("are what lies in the chart", async () => {
    expect(await drift(CHART, generatedFiles())).toEqual([]);
  });

  test("drift() names a file that was changed or is missing", async () => {
    const files = new Map([...generatedFiles(), ["more.yaml", "a: 1\n"]]);
    files.set("orders.yaml", "changed");
    expect(await drift(CHART, files)).toEqual(["orders.yaml", "more.yaml"]);
  });

  test("refuse a text that Helm would read as its own", () => {
    const [first] = definitions;
    const broken = { ...first!, metadata: { name: "x", annotations: { note: "{{ .Values.x }}" } } };
    expect(() => generatedFiles([broken])).toThrow("Helm");
  });
});
