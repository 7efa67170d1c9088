/** The contract's BasketSelectionRequest → what is searched. The date of the selection is the server's: it freezes what can be found. */
import { type Static, Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { checkSelections } from "#catalog/check.ts";
import { LIMITS, type Selection } from "#crds/order.ts";
import { checkedBody, withoutNulls } from "../http/check-body.ts";
import { HttpProblem } from "../http/problem.ts";
import { SearchParameterError, searched } from "./search-parameters.ts";

const ids = (description: string) =>
  Type.Array(Type.String({ maxLength: LIMITS.idLength }), { maxItems: LIMITS.idsPerSelection, description });

export const BasketSelectionRequest = Type.Object(
  {
    engineType: Type.String({
      minLength: 1,
      maxLength: 64,
      description: "The search engine whose parameters these are. Always `legacy`.",
      fault: "Engine type may not be empty",
    }),
    datasetUrn: Type.Optional(
      Type.String({ maxLength: LIMITS.idLength, description: "Only products of this dataset, by its URN or label." }),
    ),
    searchParameters: Type.Optional(
      Type.Record(Type.String(), Type.Array(Type.String({ maxLength: LIMITS.geometryLength }), { maxItems: 100 }), {
        description:
          "`q` query; `g` WKT or GeoJSON, `bbox` west,south,east,north, or `lat`, `lon`, `r` in metres: an area; `exists` attribute. All must hold; empty: everything.",
      }),
    ),
    entityIdsToInclude: Type.Optional(ids("Only these products, by URN or provider id. Empty: no restriction.")),
    entityIdsToExclude: Type.Optional(ids("Not these products.")),
  },
  {
    $id: "BasketSelectionRequest",
    description: "Which products to put in. Unknown fields are ignored.",
    examples: [{ engineType: "legacy", searchParameters: { q: ['platform:"landsat-8"'] } }],
  },
);
export type BasketSelectionRequest = Readonly<Static<typeof BasketSelectionRequest>>;

/** What is wanted in the basket, as it was asked for and as it is searched. */
export type Wanted = { readonly request: BasketSelectionRequest; readonly selection: Selection };

const checker = TypeCompiler.Compile(BasketSelectionRequest);
const ENGINE = "legacy";
const CATALOGUE_FAILURE =
  "Error applying search queries. Please correct your requests. Maybe your queries contains unknown attributes";

/** Throws 422 for a request or query that is wrong in itself, 417 for parameters that make no selection. */
export function parseSelectionRequest(body: unknown, now: Date): Wanted {
  const { engineType, datasetUrn, searchParameters, entityIdsToInclude, entityIdsToExclude } = checkedBody(
    checker,
    lenient(body),
  );
  if (engineType !== ENGINE)
    throw new HttpProblem(417, [`Cannot search with engine '${engineType}': expected '${ENGINE}'`]);
  const request = {
    engineType,
    ...(datasetUrn && { datasetUrn }),
    ...(searchParameters && { searchParameters }),
    ...(entityIdsToInclude?.length && { entityIdsToInclude }),
    ...(entityIdsToExclude?.length && { entityIdsToExclude }),
  };
  return { request, selection: selectionOf(request, now) };
}

/** A parameter that is null is one that is not given. */
function lenient(body: unknown): unknown {
  if (typeof body !== "object" || body === null) return body;
  const parameters: unknown = Reflect.get(body, "searchParameters");
  if (typeof parameters !== "object" || parameters === null || Array.isArray(parameters)) return body;
  return { ...body, searchParameters: withoutNulls(parameters as Record<string, unknown>) };
}

function selectionOf(request: BasketSelectionRequest, now: Date): Selection {
  const { queries, selection: search } = readParameters(request);
  checkQueries(queries.map((query) => ({ query })));
  const { datasetUrn: dataset, entityIdsToInclude: includeIds, entityIdsToExclude: excludeIds } = request;
  const asked = { ...(dataset && { dataset }), ...search, ...(includeIds && { includeIds }) };
  const selection = {
    ...(Object.keys(asked).length === 0 ? { query: "*" } : asked),
    ...(excludeIds && { excludeIds }),
    before: now.toISOString(),
  };
  checkQueries([selection]);
  return selection;
}

function readParameters({ searchParameters = {} }: BasketSelectionRequest): ReturnType<typeof searched> {
  try {
    return searched(searchParameters);
  } catch (error) {
    if (error instanceof SearchParameterError) throw new HttpProblem(417, [error.message]);
    throw error;
  }
}

function checkQueries(selections: readonly Selection[]): void {
  const problems = selections.length === 0 ? [] : checkSelections(selections);
  if (problems.length > 0) throw searchProblem(problems.map(({ message }) => message));
}

/** A search that cannot be understood or answered. */
export function searchProblem(details: readonly string[]): HttpProblem {
  return new HttpProblem(422, [CATALOGUE_FAILURE, ...details]);
}
