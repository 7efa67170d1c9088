/**
 * The parts that every Kubernetes object shares, as far as this project reads or writes them.
 * Field names and meanings are those of the Kubernetes API conventions (metav1).
 */
import { type Static, Type } from "@sinclair/typebox";
import { count, keyedList, stringEnum, text, time } from "./schema.ts";

export type OwnerReference = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
};

export type ObjectMeta = {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
};

export const Condition = Type.Object(
  {
    type: text(64, "Name of the condition, PascalCase.", { pattern: "^[A-Z][A-Za-z0-9]*$" }),
    status: stringEnum(["True", "False", "Unknown"], "Whether the condition holds."),
    reason: text(128, "Why, one PascalCase word that programs may rely on.", { pattern: "^[A-Z][A-Za-z0-9]*$" }),
    message: text(1024, "Why, for people."),
    lastTransitionTime: time("When the status last changed."),
    observedGeneration: Type.Optional(count("The metadata.generation that was looked at.")),
  },
  { description: "One observation about the object." },
);
export type Condition = Readonly<Static<typeof Condition>>;

export const Conditions = keyedList(Condition, {
  maxItems: 16,
  keys: ["type"],
  description:
    "Observations about the object; a condition's `status` and `reason` are for programs, its `message` for people.",
});
