/** What importers hand to the writer: datasets and products as they will be catalogued, whatever they came from. */
import type { FoundFile } from "../catalogue.ts";
import type { Part } from "../geometry/parts.ts";
import type { AttributeType } from "../query/fields.ts";

export type Scalar = string | number | boolean;
/** Lists of values by full name, and the types that were met. */
export type ImportedAttributes = {
  readonly properties: Readonly<Record<string, readonly Scalar[]>>;
  readonly types: readonly { readonly name: string; readonly type: AttributeType }[];
};

export type ImportedDataset = {
  /** Unique within the tenant; the URN follows from it. */
  readonly id: string;
  readonly label: string;
  readonly description?: string;
  readonly model?: string;
  /** Its own files, beside those of its products; absent where nothing is known of them. */
  readonly files?: readonly ImportedFile[];
};

/** `modified` (ISO) lets a later scan trust the checksum. */
export type ImportedFile = FoundFile & { readonly modified?: string };

export type ImportedProduct = ImportedAttributes & {
  /** Unique within the dataset; together they give the URN. */
  readonly providerId: string;
  readonly version: number;
  readonly label: string;
  readonly model: string;
  readonly tags: readonly string[];
  readonly parts: readonly Part[];
  readonly files: readonly ImportedFile[];
};

/** Who may see the datasets of an import; what is absent stays as it was, or public for a new dataset. */
export type Visibility = { readonly public?: boolean; readonly groups?: readonly string[] };

export type ImportOptions = Visibility & {
  /** Part of every URN. */
  readonly tenant?: string;
  readonly now?: () => Date;
  /** Called after each batch that was written. */
  readonly onProgress?: (sofar: { readonly products: number; readonly files: number }) => void;
  readonly signal?: AbortSignal;
};
