/**
 * What the rest of the system asks of a catalogue: which products and files some selections mean to a user. Two questions only:
 * `summarize` to accept or refuse an order, `search` to resolve it page by page; both give the same products for the same arguments.
 */
import type { FileType, Role } from "#crds/files.ts";
import type { Selection } from "#crds/order.ts";
import type { Db } from "#store/db.ts";
import { filesOfDatasets } from "./postgres/dataset-files.ts";
import { searchPage } from "./postgres/search.ts";
import { searchProblem } from "./postgres/search-problem.ts";
import { datasetsNamed, inSession, type Session } from "./postgres/session.ts";
import { summarizeSelections } from "./postgres/summarize.ts";

/** As whom to look. Roles from ADMIN up see every dataset; others the public ones and those of their groups. */
export type Access = { readonly email: string; readonly role: Role; readonly groups: readonly string[] };

export type FoundFile = {
  readonly type: FileType;
  readonly filename: string;
  readonly uri: string;
  readonly mimeType: string;
  /** Bytes; absent where the catalogue does not know. Such a file is ordered all the same. */
  readonly size?: number;
  /** Lower-case hexadecimal, made with `algorithm` (`SHA-256`, `MD5`…). */
  readonly checksum?: string;
  readonly algorithm?: string;
  readonly reference: boolean;
};

export type FoundProduct = {
  readonly id: number;
  readonly urn: string;
  readonly providerId: string;
  readonly version: number;
  /** The first by label, then URN, of the product's datasets that the user may access; where every selection names a dataset, of the named. */
  readonly dataset: { readonly urn: string; readonly label: string };
  readonly files: readonly FoundFile[];
  /** Indices of the selections that match, ascending. */
  readonly matched: readonly number[];
};

/** The files of a dataset itself, which come along with every order of a product of it (rs-order.md §3.3). */
export type DatasetFiles = {
  readonly dataset: FoundProduct["dataset"];
  readonly files: readonly FoundFile[];
};

export type FileTotals = { readonly files: number; readonly bytes: number };
export type DatasetSummary = FileTotals & {
  readonly urn: string;
  readonly label: string;
  readonly products: number;
  /** Only types of which there are files. */
  readonly byType: Readonly<Record<string, FileTotals>>;
  /** How many of these files are references, by type; only where that was asked. */
  readonly references?: Readonly<Record<string, FileTotals>>;
};
/** Counts every product and file once, whatever the overlap of the selections; files are those that `chooseFiles` keeps. */
export type Summary = FileTotals & { readonly products: number; readonly datasets: readonly DatasetSummary[] };

export type SearchOptions = {
  readonly access: Access;
  /** Products that entered the catalogue at this time or later are not found. */
  readonly before: Date;
};
export type SummaryOptions = SearchOptions & {
  /** Count references apart, which takes longer: they are not among the totals kept in each product. */
  readonly references?: boolean;
};
export type PageOptions = SearchOptions & {
  /** The `next` of the page before. */
  readonly after?: number;
  readonly limit: number;
};
export type Page = { readonly products: readonly FoundProduct[]; readonly next?: number };

export type Catalogue = {
  summarize(selections: readonly Selection[], options: SummaryOptions): Promise<Summary>;
  /** Products in an order that never changes, each once, with the files of all its kinds. */
  search(selections: readonly Selection[], options: PageOptions): Promise<Page>;
  /** Of those of the datasets, by URN, that the user may access and that have files; in the order of their URNs. */
  datasetFiles(urns: readonly string[], options: { readonly access: Access }): Promise<readonly DatasetFiles[]>;
  /** Those of these names, URNs or labels, that are datasets which the user may access; by label. */
  datasets(names: readonly string[], options: { readonly access: Access }): Promise<readonly FoundProduct["dataset"][]>;
};

/** The catalogue cannot answer these selections; `message` is the contract's text, `detail` says which and why. */
export class CatalogueError extends Error {
  readonly detail: string;

  constructor(detail: string, options?: ErrorOptions) {
    super(
      "Error applying search queries. Please correct your requests. Maybe your queries contains unknown attributes",
      options,
    );
    this.name = "CatalogueError";
    this.detail = detail;
  }
}

const TIMEOUT_MS = 60_000;

/** The catalogue in the tenant's own schema; `timeoutMs` bounds each statement of a search. */
export function postgresCatalogue(db: Db, options: { readonly timeoutMs?: number } = {}): Catalogue {
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  const ask = async <T>(access: Access, question: (session: Session) => Promise<T>): Promise<T> => {
    try {
      return await inSession(db, { access, timeoutMs }, question);
    } catch (error) {
      const problem = searchProblem(error, timeoutMs);
      throw problem === undefined ? error : new CatalogueError(problem, { cause: error });
    }
  };
  return {
    summarize: (selections, { access, before, references = false }) =>
      ask(access, (session) => summarizeSelections(session, { selections, before, references })),
    search: (selections, { access, before, after = 0, limit }) =>
      ask(access, (session) => searchPage(session, { selections, before, after, limit })),
    datasetFiles: (urns, { access }) => ask(access, (session) => filesOfDatasets(session, urns)),
    datasets: (names, { access }) => ask(access, async (session) => datasetsNamed(session, names)),
  };
}
