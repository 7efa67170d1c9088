/** What is done with the files of a dataset in the basket: a filter or a process, never both (B7, B8). An empty body takes it away. */
import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { type TypeCheck, TypeCompiler } from "@sinclair/typebox/compiler";
import { compileRegex, RegexError } from "#catalog/query/re2.ts";
import { LIMITS } from "#crds/order.ts";
import type { BasketFileFilter } from "#store/baskets.ts";
import { checkedBody } from "../http/check-body.ts";
import { HttpProblem } from "../http/problem.ts";

export const FileSelectionDescription = Type.Object(
  {
    fileTypes: Type.Optional(
      Type.Array(Type.Union([Type.Literal("RAWDATA"), Type.Literal("QUICKLOOK")]), {
        maxItems: 2,
        description: "Kinds of file; `QUICKLOOK` stands for all its sizes. Empty: all.",
      }),
    ),
    fileNamePattern: Type.Optional(Type.String({ description: "What the whole file name must match (RE2)." })),
  },
  { $id: "FileSelectionDescription", examples: [{ fileTypes: ["RAWDATA"], fileNamePattern: ".*\\.tif" }] },
);

export const ProcessDatasetDescription = Type.Object(
  {
    processBusinessId: Type.String({ minLength: 1, maxLength: 63, description: "Name or UID of a `Process`." }),
    parameters: Type.Optional(
      Type.Record(Type.String({ maxLength: 255 }), Type.String({ maxLength: 4096 }), {
        maxProperties: 64,
        description: "Values for its parameters, by name.",
      }),
    ),
  },
  { $id: "ProcessDatasetDescription" },
);

const filterChecker = TypeCompiler.Compile(FileSelectionDescription);
const processChecker = TypeCompiler.Compile(ProcessDatasetDescription);

/** Undefined: no filter. 400 for a pattern that is none. */
export function parseFileFilter(body: unknown): BasketFileFilter | undefined {
  const { fileTypes = [], fileNamePattern } = given(filterChecker, body) ?? {};
  if (fileNamePattern) checkPattern(fileNamePattern);
  if (fileTypes.length === 0 && !fileNamePattern) return undefined;
  return {
    ...(fileTypes.length > 0 && { fileTypes: [...new Set(fileTypes)] }),
    ...(fileNamePattern && { fileNamePattern }),
  };
}

/** Undefined: no process. */
export function parseProcess(body: unknown): Static<typeof ProcessDatasetDescription> | undefined {
  return given(processChecker, body);
}

function given<T extends TSchema>(checker: TypeCheck<T>, body: unknown): Static<T> | undefined {
  if (body === undefined || body === null || isEmptyObject(body)) return undefined;
  return checkedBody(checker, body);
}

function isEmptyObject(body: unknown): boolean {
  return typeof body === "object" && body !== null && Object.keys(body).length === 0;
}

function checkPattern(pattern: string): void {
  if (pattern.length > LIMITS.patternLength) {
    throw new HttpProblem(400, [`fileNamePattern: expected at most ${LIMITS.patternLength} characters`]);
  }
  try {
    compileRegex(pattern);
  } catch (error) {
    if (error instanceof RegexError) throw new HttpProblem(400, [error.message]);
    throw error;
  }
}

/** The contract's words, where a dataset would have both. */
export function bothProblem(): HttpProblem {
  return new HttpProblem(400, ["Impossible to have file filters and processing on the same dataset"]);
}
