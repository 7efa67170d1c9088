/** Pages in the contract's form. Parameters that make no sense fall back to the default, as they do in the service that clients know. */
import { Type } from "@sinclair/typebox";
import type { Link } from "./respond.ts";

const MAX_SIZE = 2_000;
const MAX_PAGE = 1_000_000;

export type PageRequest = { readonly page: number; readonly size: number };

/** The parameters as the OpenAPI document has them. */
export const PAGE_PARAMETERS = {
  page: Type.Integer({ minimum: 0, maximum: MAX_PAGE, description: "Which page, from 0.", examples: [0] }),
  size: Type.Integer({ minimum: 1, maximum: MAX_SIZE, description: "Elements on a page.", examples: [20] }),
} as const;

export function pageRequest(query: URLSearchParams, defaultSize = 20): PageRequest {
  const size = wholeNumber(query.get("size"), defaultSize);
  return {
    page: Math.min(wholeNumber(query.get("page"), 0), MAX_PAGE),
    size: size === 0 ? defaultSize : Math.min(size, MAX_SIZE),
  };
}

function wholeNumber(text: string | null, fallback: number): number {
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : fallback;
}

/** A page as it is answered. `href` is the address of the list without the page, with or without a query. */
export function pageBody<T>(
  request: PageRequest,
  content: readonly T[],
  { total, href }: { readonly total: number; readonly href: string },
) {
  const { page, size } = request;
  return {
    metadata: { size, totalElements: total, totalPages: Math.ceil(total / size), number: page },
    content,
    links: pageLinks(request, total, href),
  };
}

/** `self`, and the pages around it where there is more than one. */
function pageLinks(request: PageRequest, total: number, href: string): readonly Link[] {
  const { page, size } = request;
  const last = Math.max(Math.ceil(total / size) - 1, 0);
  const at = (number: number) => `${href}${href.includes("?") ? "&" : "?"}page=${number}&size=${size}`;
  const self = { rel: "self", href: at(page) };
  if (last === 0) return [self];
  return [
    { rel: "first", href: at(0) },
    ...(page > 0 ? [{ rel: "prev", href: at(Math.min(page - 1, last)) }] : []),
    self,
    ...(page < last ? [{ rel: "next", href: at(page + 1) }] : []),
    { rel: "last", href: at(last) },
  ];
}
