/**
 * `Order`: what a user wants from the archive, and how far it has come.
 * The spec is fixed at creation but for `expirationTime`, `suspend`, `shutdown` and `retry`; the status holds counters, never a list of files (etcd limit).
 */
import { type Static, Type } from "@sinclair/typebox";
import { FILE_TYPES } from "./files.ts";
import { Conditions, type ObjectMeta } from "./meta.ts";
import { count, list, stringEnum, stringMap, text, time, withRules } from "./schema.ts";

export const LIMITS = {
  selections: 256,
  queryLength: 8192,
  geometryLength: 65536,
  idsPerSelection: 1000,
  idLength: 255,
  patternLength: 512,
  labelLength: 50,
  correlationIdLength: 255,
  ownerLength: 128,
  parameters: 64,
  parameterLength: 4096,
} as const;

export const ProcessCall = Type.Object(
  {
    name: text(63, "Name of a `Process` in the same namespace.", { minLength: 1 }),
    parameters: Type.Optional(
      stringMap(LIMITS.parameters, LIMITS.parameterLength, "Values for the process's parameters, by name."),
    ),
  },
  { additionalProperties: false, description: "A process to run on the fetched files." },
);
export type ProcessCall = Readonly<Static<typeof ProcessCall>>;

export const Selection = withRules(
  Type.Object(
    {
      dataset: Type.Optional(
        text(
          LIMITS.idLength,
          "Only products of this dataset, by its URN or label. Absent: all datasets the owner may access.",
          { minLength: 1 },
        ),
      ),
      query: Type.Optional(
        text(
          LIMITS.queryLength,
          'Which products, in the catalogue\'s query language, e.g. `platform:"landsat-8" AND eo:cloud_cover:[0 TO 60]`.',
        ),
      ),
      geometry: Type.Optional(
        text(
          LIMITS.geometryLength,
          "Only products whose footprint meets this area: WKT, or GeoJSON geometry as text; longitude, latitude in degrees.",
        ),
      ),
      includeIds: Type.Optional(
        list(text(LIMITS.idLength, "A product's provider id or URN."), {
          maxItems: LIMITS.idsPerSelection,
          kind: "set",
          description: "Only these products.",
        }),
      ),
      excludeIds: Type.Optional(
        list(text(LIMITS.idLength, "A product's provider id or URN."), {
          maxItems: LIMITS.idsPerSelection,
          kind: "set",
          description: "Not these products.",
        }),
      ),
      before: Type.Optional(
        time("Only products that entered the catalogue before this time. Absent: before the order was made."),
      ),
      fileTypes: Type.Optional(
        list(stringEnum(FILE_TYPES, "A kind of file."), {
          maxItems: FILE_TYPES.length,
          minItems: 1,
          kind: "set",
          description: "Only files of these kinds. Absent: all kinds.",
        }),
      ),
      fileNamePattern: Type.Optional(
        text(
          LIMITS.patternLength,
          "Only files whose whole name matches this regular expression (RE2 syntax: linear time, no back-references).",
        ),
      ),
      process: Type.Optional(ProcessCall),
    },
    { additionalProperties: false, description: "Which products, and which of their files." },
  ),
  [
    {
      rule: "has(self.query) || has(self.dataset) || has(self.geometry) || has(self.includeIds)",
      message: "must name at least one of `query`, `dataset`, `geometry`, `includeIds`",
    },
    {
      rule: "!(has(self.process) && (has(self.fileTypes) || has(self.fileNamePattern)))",
      message: "must not have both a `process` and a file filter",
    },
  ],
);
export type Selection = Readonly<Static<typeof Selection>>;

/** Whether any of them has a process run. */
export function callProcesses(selections: readonly Selection[]): boolean {
  return selections.some(({ process }) => process !== undefined);
}

/** A rule for a field that may neither change, appear nor vanish. */
function immutable(field: string, optional: boolean) {
  const same = `self.${field} == oldSelf.${field}`;
  return {
    rule: optional ? `has(self.${field}) == has(oldSelf.${field}) && (!has(self.${field}) || ${same})` : same,
    message: `\`${field}\` must not change: make another order`,
    fieldPath: `.${field}`,
  };
}

export const OrderSpec = withRules(
  Type.Object(
    {
      owner: text(LIMITS.ownerLength, "E-mail of the user whose order this is.", { minLength: 1 }),
      label: Type.Optional(
        text(LIMITS.labelLength, "Name of the order, unique among its owner's orders. Absent: made from the date.", {
          minLength: 1,
        }),
      ),
      correlationId: Type.Optional(
        text(
          LIMITS.correlationIdLength,
          "Unique per owner: the same request with the same id is the same order. Absent: the resource's UID.",
          { minLength: 1 },
        ),
      ),
      selections: list(Selection, {
        maxItems: LIMITS.selections,
        minItems: 1,
        description: "What to order; the result is their union, each with its own file filter.",
      }),
      sizeLimitBytes: Type.Optional(count("Refuse the order when the products found hold more bytes than this.")),
      subOrderAvailabilitySeconds: Type.Optional(
        count(
          "How long the files of one sub-order stay; with the number of sub-orders it gives the expiration. Absent: the tenant's setting.",
          { minimum: 60, maximum: 31_536_000 },
        ),
      ),
      expirationTime: Type.Optional(
        time(
          "Give back the files at this time, sooner or later than planned; at most the tenant's maximum from when it is asked. What holds is in the status.",
        ),
      ),
      suspend: Type.Boolean({
        default: false,
        description: "Pause: running Jobs are stopped, no new one starts. Files that are there stay.",
      }),
      shutdown: Type.Optional(
        stringEnum(
          ["Cancel", "Delete"],
          "End the order. `Cancel` stops the work and keeps what is there until it expires; `Delete` also gives back the files. One way.",
        ),
      ),
      retry: Type.Integer({
        default: 0,
        minimum: 0,
        maximum: 1_000_000,
        format: "int32",
        description: "Raise it to fetch failed files again. An order with a process cannot be retried.",
      }),
    },
    { additionalProperties: false, description: "What is wanted." },
  ),
  [
    immutable("owner", false),
    immutable("label", true),
    immutable("correlationId", true),
    immutable("selections", false),
    immutable("sizeLimitBytes", true),
    immutable("subOrderAvailabilitySeconds", true),
    {
      rule: "!has(oldSelf.shutdown) || (has(self.shutdown) && (self.shutdown == oldSelf.shutdown || self.shutdown == 'Delete'))",
      message: "`shutdown` is one way: it may go from `Cancel` to `Delete`, never back",
      fieldPath: ".shutdown",
    },
    { rule: "self.retry >= oldSelf.retry", message: "`retry` must not be lowered", fieldPath: ".retry" },
    {
      rule: "self.retry <= oldSelf.retry || !self.selections.exists(s, has(s.process))",
      message: "`retry` must not be raised where a selection has a `process`: make another order",
      fieldPath: ".retry",
    },
  ],
);
export type OrderSpec = Readonly<Static<typeof OrderSpec>>;

export const FileCounters = Type.Object(
  {
    total: count("Files of the order."),
    pending: count("Not there yet."),
    available: count("There, not downloaded yet."),
    downloaded: count("Downloaded at least once."),
    failed: count("Could not be had, or failed in processing."),
  },
  { description: "Files by state." },
);
export type FileCounters = Readonly<Static<typeof FileCounters>>;
export const ByteCounters = Type.Object(
  {
    total: count("Bytes of all files, as the catalogue tells them; what was received once a file is there."),
    available: count("Bytes that can be downloaded now."),
    failed: count("Bytes of files that could not be had."),
  },
  { description: "Bytes by state." },
);
export type ByteCounters = Readonly<Static<typeof ByteCounters>>;
export const SubOrderCounters = Type.Object(
  {
    total: count("Sub-orders of the order."),
    waiting: count("Not started."),
    running: count("A Job works on them."),
    succeeded: count("Ended with every file there."),
    failed: count("Ended with at least one file that could not be had."),
  },
  { description: "Sub-orders by state." },
);
export type SubOrderCounters = Readonly<Static<typeof SubOrderCounters>>;

export const OrderStatus = Type.Object(
  {
    orderId: Type.Optional(count("Number of the order, as REST and AMQP know it.")),
    observedGeneration: Type.Optional(count("The metadata.generation that this status was made from.")),
    conditions: Type.Optional(Conditions),
    files: Type.Optional(FileCounters),
    bytes: Type.Optional(ByteCounters),
    subOrders: Type.Optional(SubOrderCounters),
    percentCompleted: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 100,
        format: "int32",
        description: "Share of the bytes that are there or failed for good.",
      }),
    ),
    expirationTime: Type.Optional(time("When the files are given back.")),
    startTime: Type.Optional(time("When the order was accepted.")),
    completionTime: Type.Optional(time("When the last file was there or failed.")),
    message: Type.Optional(text(1024, "One sentence on how it stands, for people.")),
  },
  { description: "How far it has come." },
);
export type OrderStatus = Readonly<Static<typeof OrderStatus>>;

export type Order = {
  readonly apiVersion: string;
  readonly kind: "Order";
  readonly metadata: ObjectMeta;
  readonly spec: OrderSpec;
  readonly status?: OrderStatus;
};
