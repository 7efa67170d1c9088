/** What is too much for a process whose runs must not be split (rs-order.md §9.3), with the contract's texts. Pure. */
import type { FileType } from "#crds/files.ts";
import type { Process } from "#crds/process.ts";
import type { FileTotals } from "../catalogue.ts";

const DEFAULT_INPUTS: readonly FileType[] = ["RAWDATA"];

/** Kinds of file that it takes. */
export function inputTypes({ spec }: Process): readonly FileType[] {
  return spec.inputs ?? DEFAULT_INPUTS;
}

/** What is selected of one dataset. */
export type SelectedTotals = { readonly products: number; readonly byType: Readonly<Record<string, FileTotals>> };
export type Excess = { readonly unit: "FEATURES" | "FILES" | "BYTES"; readonly amount: number; readonly limit: number };

/** The first of the limits that is exceeded; 0 is none. */
export function excessOf(process: Process, { products, byType }: SelectedTotals): Excess | undefined {
  const { limits } = process.spec;
  if (!limits?.forbidSplit) return undefined;
  const taken = inputTypes(process).map((type) => byType[type] ?? { files: 0, bytes: 0 });
  const amounts = [
    { unit: "FEATURES", amount: products, limit: limits.products ?? 0 },
    { unit: "FILES", amount: taken.reduce((sum, { files }) => sum + files, 0), limit: limits.files ?? 0 },
    { unit: "BYTES", amount: taken.reduce((sum, { bytes }) => sum + bytes, 0), limit: limits.bytes ?? 0 },
  ] as const;
  return amounts.find(({ amount, limit }) => limit > 0 && amount > limit);
}

/** While it is put into a basket. */
export function selectedTooMany(excess: Excess): string {
  return `${exceeded(excess)}. Please, decrease the number of selected items or contact the administrator for more information.`;
}

/** When it is ordered. */
export function orderedTooMany(excess: Excess): string {
  return `${exceeded(excess)}. The order cannot be processed because the parameter forbidSplitInSuborders is active. Please decrease the number of items ordered or contact the administrator for more information.`;
}

function exceeded({ unit, amount, limit }: Excess): string {
  return `The number of selected "${unit}" in the basket [${amount}] exceeds the maximum number of "${unit}" allowed [${limit}]`;
}
