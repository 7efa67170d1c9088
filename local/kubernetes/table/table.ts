/** The `Table` form of objects: what `kubectl get` prints. */
import type { Fields, KubeObject } from "../object.ts";
import type { Column, Kind } from "../resources/kind.ts";

export type TableOptions = {
  readonly kind: Kind;
  readonly now: Date;
  readonly metadata: Fields;
  readonly include: "None" | "Metadata" | "Object";
  readonly columns: boolean;
};

function definition(column: Column): Fields {
  return {
    name: column.name,
    type: column.type,
    format: column.format ?? "",
    description: column.description ?? "",
    priority: column.priority ?? 0,
  };
}

function rowObject(object: KubeObject, include: TableOptions["include"]): unknown {
  switch (include) {
    case "None":
      return undefined;
    case "Object":
      return object;
    case "Metadata":
      return { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: object.metadata };
    default:
      throw new Error(include satisfies never);
  }
}

/** The text of a whole table. */
export function tableText(objects: readonly KubeObject[], o: TableOptions): string {
  return JSON.stringify({
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata: o.metadata,
    columnDefinitions: o.columns ? o.kind.columns.map(definition) : null,
    rows: objects.map((object) => ({
      // Bookmarks have no content; their row would be nonsense.
      cells: object.metadata.name === "" ? [] : o.kind.row(object, o.now),
      object: rowObject(object, o.include),
    })),
  });
}
