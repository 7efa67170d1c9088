/** Inputs that could not be had, in a sentence: enough to know which and why, never a page. */
import type { InputRow } from "#store/files.ts";

const NAMED = 3;

/** Nothing when all of them are there. */
export function missingInputs(inputs: readonly InputRow[]): string | undefined {
  const missing = inputs.filter(({ state }) => state !== "AVAILABLE");
  if (missing.length === 0) return undefined;
  const named = missing.slice(0, NAMED).map(({ filename, error }) => `'${filename}' (${error ?? "not there"})`);
  const more = missing.length > NAMED ? [`${missing.length - NAMED} more`] : [];
  return `${missing.length} of ${inputs.length} inputs could not be had: ${[...named, ...more].join(", ")}`;
}
