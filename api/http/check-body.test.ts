import { expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { bodyProblems } from "./check-body.ts";

const limit = Type.Integer({ minimum: -1, maximum: 9 });
const checker = TypeCompiler.Compile(
  Type.Object({
    name: Type.String({ minLength: 1, maxLength: 3 }),
    limit: Type.Optional(Type.Union([limit, Type.Null()])),
    kind: Type.Optional(Type.Union([Type.Literal("A"), Type.Literal("B")])),
    ids: Type.Optional(Type.Array(Type.Integer(), { minItems: 1, maxItems: 2, uniqueItems: true })),
    ratio: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 1 })),
    area: Type.Optional(Type.Object({ r: Type.Number() })),
  }),
);

const wrong: Record<string, readonly [body: unknown, message: string]> = {
  "a field that must be there": [{}, "name: missing"],
  "a member that must be there": [{ name: "x", area: {} }, "area.r: missing"],
  "an empty text": [{ name: "" }, "name: expected at least 1 character"],
  "a long text": [{ name: "xxxx" }, "name: expected at most 3 characters"],
  "a number as a text": [{ name: 1 }, "name: expected string"],
  "a word where a number or null is expected": [{ name: "x", limit: "x" }, "limit: expected integer or null"],
  "a number below what is allowed, null being allowed too": [
    { name: "x", limit: -2 },
    "limit: expected at least -1, or null",
  ],
  "another word": [{ name: "x", kind: "C" }, "kind: expected one of A, B"],
  "an empty list": [{ name: "x", ids: [] }, "ids: expected at least 1 element"],
  "a long list": [{ name: "x", ids: [1, 2, 3] }, "ids: expected at most 2 elements"],
  "a list with repeats": [{ name: "x", ids: [1, 1] }, "ids: expected no element twice"],
  "a text in a list": [{ name: "x", ids: ["x"] }, "ids[0]: expected integer"],
  "a number that is not above the limit": [{ name: "x", ratio: 0 }, "ratio: expected more than 0"],
  "a number above the limit": [{ name: "x", ratio: 2 }, "ratio: expected at most 1"],
};

for (const [name, [body, message]] of Object.entries(wrong)) {
  test(`bodyProblems() says what was expected instead of ${name}`, () => {
    expect(bodyProblems(checker, body).map((problem) => `${problem.field}: ${problem.message}`)).toEqual([message]);
  });
}
