/**
 * The contract's `sort` parameter: `sort=label,asc`, repeated or with several fields before the direction. A field that the list does not
 * have is refused and not passed over, because a list in another order than asked for looks right and is wrong.
 */
import { type TString, Type } from "@sinclair/typebox";
import type { Sort } from "#store/sorting.ts";
import { HttpProblem } from "./problem.ts";

const MAX_SORTS = 10;

export function sortRequest<K extends string>(query: URLSearchParams, keys: readonly K[]): readonly Sort<K>[] {
  const sorts = query.getAll("sort").flatMap((text) => sortsOf(text, keys));
  if (sorts.length > MAX_SORTS) throw new HttpProblem(422, [`sort: at most ${MAX_SORTS} fields, got ${sorts.length}`]);
  return sorts;
}

function sortsOf<K extends string>(text: string, keys: readonly K[]): readonly Sort<K>[] {
  const parts = text.split(",").map((part) => part.trim());
  const direction = /^(?:asc|desc)$/i.test(parts.at(-1) ?? "") ? parts.pop()?.toLowerCase() : undefined;
  return parts
    .filter((part) => part !== "")
    .map((part) => {
      const key = keys.find((known) => known === part);
      if (key === undefined) {
        throw new HttpProblem(422, [
          `sort: unknown field '${part.slice(0, 64)}'; expected one of ${keys.join(", ")}, then asc or desc`,
        ]);
      }
      return { key, descending: direction === "desc" };
    });
}

/** The parameter as the OpenAPI document has it. */
export function sortParameter(keys: readonly string[], unlessTold: string): TString {
  return Type.String({
    description: `\`field,asc\` or \`field,desc\`, repeatable. ${unlessTold}`,
    pattern: `^((${keys.join("|")})(,(asc|desc))?)?$`,
  });
}

/** The address of a list with its order, for the links between its pages. */
export function sortedHref<K extends string>(href: string, sorts: readonly Sort<K>[]): string {
  if (sorts.length === 0) return href;
  return `${href}?${sorts.map(({ key, descending }) => `sort=${key},${descending ? "desc" : "asc"}`).join("&")}`;
}
