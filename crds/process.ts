/** `Process`: a program that an administrator approved to be run on fetched files. Users name it and give parameters; they never choose image or command. */
import { type Static, Type } from "@sinclair/typebox";
import { FILE_TYPES, ROLES } from "./files.ts";
import { Conditions, type ObjectMeta } from "./meta.ts";
import { LIMITS } from "./order.ts";
import { count, list, openObject, stringEnum, stringMap, text } from "./schema.ts";

export const ProcessSpec = Type.Object(
  {
    title: Type.Optional(text(255, "Name for people.")),
    description: Type.Optional(text(4096, "What it does, for people.")),
    image: text(512, "Container image, best with a digest.", { minLength: 1 }),
    command: list(text(4096, "A word of the command."), {
      maxItems: 64,
      minItems: 1,
      description:
        "Command and arguments. Files lie under /work/input, results go to /work/output, parameters are in /work/parameters.json.",
    }),
    scope: stringEnum(["SubOrder", "Product"], "One run for a whole sub-order, or one per product."),
    parameters: Type.Optional(
      openObject(
        "JSON Schema (2020-12) of the user's parameters, an object; their text is read as the types that it names. Parameters that it does not name are refused. Absent: there are none.",
      ),
    ),
    role: Type.Optional(
      stringEnum(ROLES, "Least role of whoever may use it. Absent: REGISTERED_USER.", { default: "REGISTERED_USER" }),
    ),
    datasets: Type.Optional(
      list(text(LIMITS.idLength, "A dataset, by its URN or label.", { minLength: 1 }), {
        maxItems: 1000,
        minItems: 1,
        kind: "set",
        description: "Only products of these datasets may be given to it. Absent: of all.",
      }),
    ),
    inputs: Type.Optional(
      list(stringEnum(FILE_TYPES, "A kind of file."), {
        maxItems: FILE_TYPES.length,
        minItems: 1,
        kind: "set",
        description: "Kinds of file it needs; products without any are left out. Absent: RAWDATA.",
      }),
    ),
    limits: Type.Optional(
      Type.Object(
        {
          files: Type.Optional(count("At most this many files a run.")),
          products: Type.Optional(count("At most this many products a run.")),
          bytes: Type.Optional(count("At most this many bytes a run.")),
          forbidSplit: Type.Optional(
            Type.Boolean({ description: "Refuse an order over the limits instead of splitting it." }),
          ),
        },
        { additionalProperties: false, description: "Bounds of one run." },
      ),
    ),
    resources: Type.Optional(
      Type.Object(
        {
          requests: Type.Optional(stringMap(8, 32, "Requested resources, e.g. cpu, memory.")),
          limits: Type.Optional(stringMap(8, 32, "Limits of resources, e.g. cpu, memory.")),
        },
        { additionalProperties: false, description: "Resources of its container." },
      ),
    ),
    deadlineSeconds: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 604_800,
        default: 3600,
        format: "int32",
        description: "How long one run may take, in seconds.",
      }),
    ),
  },
  { additionalProperties: false, description: "The program and its bounds." },
);
export type ProcessSpec = Readonly<Static<typeof ProcessSpec>>;

export const ProcessStatus = Type.Object(
  {
    observedGeneration: Type.Optional(count("The metadata.generation that this status was made from.")),
    conditions: Type.Optional(Conditions),
  },
  { description: "Whether it can be used." },
);

export type Process = {
  readonly apiVersion: string;
  readonly kind: "Process";
  readonly metadata: ObjectMeta;
  readonly spec: ProcessSpec;
  readonly status?: Readonly<Static<typeof ProcessStatus>>;
};
