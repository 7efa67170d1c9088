/** From the contract's request to what the order is: each query becomes a selection with the request's file filter. */
import type { FileType } from "#crds/files.ts";
import type { OrderSpec, Selection } from "#crds/order.ts";
import { areaField, areaGeometry } from "./area.ts";
import type { OrderRequest } from "./request.ts";

const QUICKLOOKS: readonly FileType[] = ["QUICKLOOK_SD", "QUICKLOOK_MD", "QUICKLOOK_HD"];
const MIN_AVAILABILITY_SECONDS = 60;

/** The queries first, in their order and within the area, then the request's own selections. An area without queries is a selection too. */
export function selectionsOf(request: OrderRequest): readonly Selection[] {
  const { queries = [], filters, selections = [] } = request;
  const filter = fileFilter({ kinds: filters?.dataTypes, pattern: filters?.filenameRegExp });
  const geometry = areaGeometry(request);
  const common = { ...(geometry !== undefined && { geometry }), ...filter };
  const made = [...new Set(queries)].map((query) => ({ query, ...common }));
  return [...(made.length === 0 && geometry !== undefined ? [common] : made), ...selections];
}

/** A file filter in the contract's kinds, `QUICKLOOK` standing for all its sizes; what is absent restricts nothing. */
export function fileFilter(o: {
  readonly kinds?: readonly ("RAWDATA" | "QUICKLOOK")[] | undefined;
  readonly pattern?: string | undefined;
}): Pick<Selection, "fileTypes" | "fileNamePattern"> {
  const kinds = o.kinds && [...new Set(o.kinds)];
  return {
    ...(kinds && { fileTypes: kinds.flatMap((kind): FileType[] => (kind === "RAWDATA" ? [kind] : [...QUICKLOOKS])) }),
    ...(o.pattern !== undefined && { fileNamePattern: o.pattern }),
  };
}

/** Names a field of the selections after the field of the request that it came from. */
export function requestField(field: string, request: OrderRequest): string {
  const { queries = [] } = request;
  const area = areaField(request);
  const made = new Set(queries).size || (area === undefined ? 0 : 1);
  const match = /^selections\[(\d+)\](.*)$/.exec(field);
  if (!match) return field;
  const index = Number(match[1]);
  if (index >= made) return `selections[${index - made}]${match[2]}`;
  if (match[2] === ".fileNamePattern") return "filters.filenameRegExp";
  if (match[2] === ".geometry" && area !== undefined) return area;
  const query = [...new Set(queries)][index] ?? "";
  return `queries[${queries.indexOf(query)}]`;
}

/** The selections without their file filters: that is what the contract measures an order's size and emptiness by. */
export function unfiltered(selections: readonly Selection[]): readonly Selection[] {
  return selections.map(({ fileTypes: _types, fileNamePattern: _pattern, ...rest }) => rest);
}

export function orderSpec(
  request: OrderRequest,
  o: { readonly owner: string; readonly selections: readonly Selection[]; readonly availabilitySeconds: number },
): OrderSpec {
  return newSpec({ ...o, label: request.label, sizeLimitBytes: request.sizeLimitInBytes });
}

/** What a new order is: not paused, not retried. */
export function newSpec(o: {
  readonly owner: string;
  readonly label?: string | undefined;
  readonly selections: readonly Selection[];
  readonly sizeLimitBytes?: number | undefined;
  readonly availabilitySeconds: number;
}): OrderSpec {
  return {
    owner: o.owner,
    ...(o.label !== undefined && { label: o.label }),
    selections: [...o.selections],
    ...(o.sizeLimitBytes !== undefined && { sizeLimitBytes: o.sizeLimitBytes }),
    subOrderAvailabilitySeconds: Math.max(o.availabilitySeconds, MIN_AVAILABILITY_SECONDS),
    suspend: false,
    retry: 0,
  };
}
