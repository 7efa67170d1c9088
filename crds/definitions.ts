/**
 * The CustomResourceDefinitions as objects: what the generator writes to the chart and what a local API server is given.
 * Short names, the category and the columns of `kubectl get` are here; types and schemas come from the resources' own files.
 */
import { OrderSpec, OrderStatus } from "./order.ts";
import { ProcessSpec, ProcessStatus } from "./process.ts";
import { type CustomResource, ORDERS, PROCESSES, SUBORDERS } from "./resource-types.ts";
import { type SchemaNode, structuralSchema } from "./structural.ts";
import { SubOrderSpec, SubOrderStatus } from "./suborder.ts";

export type Column = {
  readonly name: string;
  readonly type: "string" | "integer" | "date";
  readonly jsonPath: string;
  readonly description: string;
  /** 1: only with `-o wide`. */
  readonly priority?: 1;
};

export type CustomResourceDefinition = {
  readonly apiVersion: "apiextensions.k8s.io/v1";
  readonly kind: "CustomResourceDefinition";
  readonly metadata: { readonly name: string; readonly annotations: Readonly<Record<string, string>> };
  readonly spec: {
    readonly group: string;
    readonly scope: "Namespaced";
    readonly names: {
      readonly kind: string;
      readonly listKind: string;
      readonly plural: string;
      readonly singular: string;
      readonly shortNames: readonly string[];
      readonly categories: readonly string[];
    };
    readonly versions: readonly {
      readonly name: string;
      readonly served: true;
      readonly storage: true;
      readonly subresources: { readonly status: Readonly<Record<string, never>> };
      readonly additionalPrinterColumns: readonly Column[];
      readonly selectableFields?: readonly { readonly jsonPath: string }[];
      readonly schema: { readonly openAPIV3Schema: SchemaNode };
    }[];
  };
};

type Resource = {
  readonly type: CustomResource<unknown>;
  readonly shortName: string;
  readonly description: string;
  readonly spec: SchemaNode;
  readonly status: SchemaNode;
  readonly columns: readonly Column[];
  readonly selectable: readonly string[];
};

const CATEGORY = "regards";
const PROGRESS = "True, False, or Unknown while in progress.";

const AGE: Column = {
  name: "Age",
  type: "date",
  jsonPath: ".metadata.creationTimestamp",
  description: "Time since it was made.",
};

function condition(type: string, part: "status" | "reason", description: string): Column {
  return {
    name: part === "status" ? type : "Reason",
    type: "string",
    jsonPath: `.status.conditions[?(@.type=="${type}")].${part}`,
    description,
  };
}

const RESOURCES: readonly Resource[] = [
  {
    type: ORDERS,
    shortName: "ord",
    description: "What a user wants from the archive, and how far it has come.",
    spec: OrderSpec,
    status: OrderStatus,
    columns: [
      { name: "Owner", type: "string", jsonPath: ".spec.owner", description: "Whose order it is." },
      { name: "Label", type: "string", jsonPath: ".spec.label", description: "Its name." },
      condition("Succeeded", "status", PROGRESS),
      condition("Succeeded", "reason", "Why it stands so."),
      {
        name: "%",
        type: "integer",
        jsonPath: ".status.percentCompleted",
        description: "Share of the bytes dealt with.",
      },
      {
        name: "Done",
        type: "integer",
        jsonPath: ".status.subOrders.succeeded",
        description: "Sub-orders with every file there.",
      },
      { name: "Of", type: "integer", jsonPath: ".status.subOrders.total", description: "Sub-orders in all." },
      // A column of type date shows how long ago: useless for a time to come.
      {
        name: "Expires",
        type: "string",
        jsonPath: ".status.expirationTime",
        description: "When the files are given back.",
      },
      {
        name: "Number",
        type: "integer",
        jsonPath: ".status.orderId",
        description: "The order's number in REST and AMQP.",
        priority: 1,
      },
      {
        name: "Message",
        type: "string",
        jsonPath: ".status.message",
        description: "How it stands, for people.",
        priority: 1,
      },
      AGE,
    ],
    selectable: [".spec.owner", ".spec.correlationId", ".spec.label"],
  },
  {
    type: SUBORDERS,
    shortName: "subord",
    description: "A bucket of an order's files that one Job handles. Made by the operator only.",
    spec: SubOrderSpec,
    status: SubOrderStatus,
    columns: [
      { name: "Order", type: "string", jsonPath: ".spec.orderName", description: "The order it belongs to." },
      { name: "Attempt", type: "integer", jsonPath: ".spec.attempt", description: "Which Job is wanted." },
      condition("Succeeded", "status", PROGRESS),
      condition("Succeeded", "reason", "Why it stands so."),
      { name: "Files", type: "integer", jsonPath: ".spec.files", description: "Files in it." },
      { name: "Pending", type: "integer", jsonPath: ".status.files.pending", description: "Files not there yet." },
      {
        name: "Failed",
        type: "integer",
        jsonPath: ".status.files.failed",
        description: "Files that could not be had.",
      },
      { name: "Job", type: "string", jsonPath: ".status.jobName", description: "The Job of the attempt.", priority: 1 },
      AGE,
    ],
    selectable: [".spec.orderName"],
  },
  {
    type: PROCESSES,
    shortName: "proc",
    description: "A program that an administrator approved to be run on fetched files.",
    spec: ProcessSpec,
    status: ProcessStatus,
    columns: [
      { name: "Title", type: "string", jsonPath: ".spec.title", description: "Its name for people." },
      { name: "Scope", type: "string", jsonPath: ".spec.scope", description: "What one run is for." },
      condition("Ready", "status", "Whether it can be ordered."),
      condition("Ready", "reason", "Why, or why not."),
      { name: "Role", type: "string", jsonPath: ".spec.role", description: "Who may use it.", priority: 1 },
      { name: "Image", type: "string", jsonPath: ".spec.image", description: "Its container image.", priority: 1 },
      AGE,
    ],
    selectable: [],
  },
];

/** All definitions, in the order in which they are best applied. */
export function customResourceDefinitions(): readonly CustomResourceDefinition[] {
  return RESOURCES.map(definitionOf);
}

function definitionOf(resource: Resource): CustomResourceDefinition {
  const { type } = resource;
  const root = {
    type: "object",
    description: resource.description,
    required: ["spec"],
    properties: { spec: resource.spec, status: resource.status },
  };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: {
      name: `${type.plural}.${type.group}`,
      // Removing the chart must not remove every tenant's orders.
      annotations: { "helm.sh/resource-policy": "keep" },
    },
    spec: {
      group: type.group,
      scope: "Namespaced",
      names: {
        kind: type.kind,
        listKind: `${type.kind}List`,
        plural: type.plural,
        singular: type.kind.toLowerCase(),
        shortNames: [resource.shortName],
        categories: [CATEGORY],
      },
      versions: [
        {
          name: type.version,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: resource.columns,
          ...(resource.selectable.length === 0
            ? {}
            : { selectableFields: resource.selectable.map((jsonPath) => ({ jsonPath })) }),
          schema: { openAPIV3Schema: structuralSchema(root, type.kind) },
        },
      ],
    },
  };
}
