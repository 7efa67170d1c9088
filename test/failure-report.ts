/**
 * What failed, for the end of a run's output: whoever sees only the end (a record that keeps no more) sees every name, and why.
 * The more tests failed, the less is shown of each: forty failures often have one cause.
 */
import type { Failure } from "./junit.ts";

const LINES_OF_ALL = 200;
const LINES_OF_ONE = 30;
const LINE_LENGTH = 200;

/** Lines that end with a line break; nothing where nothing failed. */
export function failureReport(failures: readonly Failure[]): string {
  if (failures.length === 0) return "";
  const lines = Math.max(1, Math.min(LINES_OF_ONE, Math.floor(LINES_OF_ALL / failures.length)));
  return `\nFailed:\n\n${failures.map(({ name, message }) => `✗ ${name}\n${beginning(message, lines)}\n`).join("")}`;
}

function beginning(message: string, most: number): string {
  const lines = message.split("\n").map((line) => line.slice(0, LINE_LENGTH).trimEnd());
  const shown = lines.length > most ? [...lines.slice(0, most), `… ${lines.length - most} more lines`] : lines;
  return shown.map((line) => (line ? `    ${line}\n` : "\n")).join("");
}
