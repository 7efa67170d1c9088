/** What is said in the OpenAPI document of processes. */
import { Type } from "@sinclair/typebox";
import { FILE_TYPES } from "#crds/files.ts";
import type { OperationDoc } from "../http/documentation.ts";
import { Problem } from "../http/schemas.ts";

const ProcessView = Type.Object(
  {
    name: Type.String({ description: "Names it in an order, and in a basket." }),
    processBusinessId: Type.String({ format: "uuid", description: "Names it in a basket too, as in the contract." }),
    title: Type.Optional(Type.String()),
    description: Type.Optional(Type.String()),
    scope: Type.Unsafe<string>({
      type: "string",
      enum: ["SubOrder", "Product"],
      description: "One run for a whole sub-order, or one per product.",
    }),
    inputs: Type.Array(Type.Unsafe<string>({ type: "string", enum: [...FILE_TYPES] }), {
      description: "Kinds of file that it takes; products without any are left out.",
    }),
    limits: Type.Optional(
      Type.Object(
        {
          files: Type.Optional(Type.Integer()),
          products: Type.Optional(Type.Integer()),
          bytes: Type.Optional(Type.Integer()),
          forbidSplit: Type.Optional(
            Type.Boolean({ description: "More than that is refused; else it is several runs." }),
          ),
        },
        { description: "Of one run; 0 is none." },
      ),
    ),
    parameters: Type.Optional(
      Type.Unsafe<object>({
        type: "object",
        additionalProperties: true,
        description: "JSON Schema (2020-12) of its parameters, whose values are given as text. Absent: there are none.",
      }),
    ),
    datasets: Type.Optional(
      Type.Array(Type.String(), { description: "Only for these, by URN or label. Absent: for all." }),
    ),
    deadlineSeconds: Type.Optional(Type.Integer({ description: "How long one run may take." })),
  },
  {
    examples: [
      {
        name: "cut",
        processBusinessId: "5f3c1a52-6a2e-4c0e-9d0e-3b6f6e0c7a11",
        title: "Cut to an area",
        scope: "Product",
        inputs: ["RAWDATA"],
        parameters: { type: "object", properties: { width: { type: "integer", minimum: 1 } }, required: ["width"] },
        deadlineSeconds: 3600,
      },
    ],
  },
);

export const PROCESS_DOCUMENTATION: Readonly<Record<"listProcesses", OperationDoc>> = {
  listProcesses: {
    summary: "The processes that the caller may have run",
    tag: "processes",
    description:
      "Programs that an administrator approved, run on the fetched files; what they give is delivered in place of these.",
    responses: {
      200: { description: "By name.", schema: Type.Array(ProcessView) },
      503: { description: "Kubernetes does not answer.", schema: Type.Ref(Problem) },
    },
  },
};
