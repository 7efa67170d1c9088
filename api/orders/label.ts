/** What a user says of an order that is made from what is there already (OrderRequest of O1, O8, O14): its label, and where the client shows it. */
import { type Static, Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { LIMITS } from "#crds/order.ts";
import { checkedBody } from "../http/check-body.ts";
import { HttpProblem } from "../http/problem.ts";

export const LabelRequest = Type.Object(
  {
    label: Type.Optional(
      Type.String({
        maxLength: LIMITS.labelLength,
        description: "Name of the order, unique among the owner's. Absent or empty: made from the date.",
        fault: "TOO_MANY_CHARACTERS_IN_LABEL",
      }),
    ),
    onSuccessUrl: Type.Optional(
      Type.String({ maxLength: 2048, description: "Page of the client's application that shows the order." }),
    ),
  },
  { $id: "LabelRequest", examples: [{ label: "Greenland in July" }] },
);
export type LabelRequest = Readonly<Static<typeof LabelRequest>>;

const checker = TypeCompiler.Compile(LabelRequest);

/** Nothing sent is nothing said. */
export function parseLabelRequest(body: unknown): LabelRequest {
  const { label, onSuccessUrl } = checkedBody(checker, body ?? {});
  return { ...(label && { label }), ...(onSuccessUrl && { onSuccessUrl }) };
}

export function labelTaken(): HttpProblem {
  return new HttpProblem(422, ["LABEL_NOT_UNIQUE_FOR_OWNER"]);
}
