/**
 * `SubOrder`: a bucket of an order's files that one Job handles. Made by the operator only.
 * It exists from the moment its first Job may start; the sub-orders before that are rows in the database.
 */
import { type Static, Type } from "@sinclair/typebox";
import { Conditions, type ObjectMeta } from "./meta.ts";
import { FileCounters, ProcessCall } from "./order.ts";
import { count, text, time, withRules } from "./schema.ts";

export const SubOrderSpec = withRules(
  Type.Object(
    {
      orderName: text(253, "The `Order` it belongs to.", { minLength: 1 }),
      orderId: count("Number of that order.", { minimum: 1 }),
      number: Type.Integer({
        minimum: 1,
        maximum: 10_000_000,
        format: "int32",
        description: "Its number within the order, from 1.",
      }),
      attempt: Type.Integer({
        minimum: 1,
        maximum: 1_000_000,
        format: "int32",
        description: "Which Job is wanted: raised for another go.",
      }),
      files: count("Files in it."),
      bytes: count("Their bytes, as the catalogue tells them."),
      process: Type.Optional(ProcessCall),
    },
    { additionalProperties: false, description: "What the Job has to do." },
  ),
  [
    {
      rule: "self.orderName == oldSelf.orderName && self.orderId == oldSelf.orderId && self.number == oldSelf.number",
      message: "`orderName`, `orderId` and `number` must not change",
    },
    { rule: "self.attempt >= oldSelf.attempt", message: "`attempt` must not be lowered", fieldPath: ".attempt" },
  ],
);
export type SubOrderSpec = Readonly<Static<typeof SubOrderSpec>>;

export const SubOrderStatus = Type.Object(
  {
    observedGeneration: Type.Optional(count("The metadata.generation that this status was made from.")),
    conditions: Type.Optional(Conditions),
    jobName: Type.Optional(text(63, "The Job of the present attempt.")),
    attempt: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 1_000_000,
        format: "int32",
        description: "The attempt that `conditions` speak of.",
      }),
    ),
    files: Type.Optional(FileCounters),
    notBefore: Type.Optional(time("The next attempt starts not before this time: the source asked for patience.")),
    startTime: Type.Optional(time("When the Job of the present attempt was made.")),
    completionTime: Type.Optional(time("When that Job ended.")),
  },
  { description: "How far it has come." },
);
export type SubOrderStatus = Readonly<Static<typeof SubOrderStatus>>;

export type SubOrder = {
  readonly apiVersion: string;
  readonly kind: "SubOrder";
  readonly metadata: ObjectMeta;
  readonly spec: SubOrderSpec;
  readonly status?: SubOrderStatus;
};
