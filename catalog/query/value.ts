/** Reads the values of a query as the type of the field that they are compared with. */
import { ALL_TIME, parseDate } from "./dates.ts";
import type { Bound, Match } from "./tree.ts";

/** `from` inclusive unless said, `to` exclusive unless said. */
export type NumberRange = { readonly from?: NumberBound; readonly to?: NumberBound };
export type NumberBound = { readonly value: number; readonly inclusive: boolean };
/** Canonical times: from `from` on, before `before`. */
export type DateRange = { readonly from: string; readonly before: string };

const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;

export function readNumber(text: string): number | undefined {
  const value = NUMBER.test(text) ? Number(text) : Number.NaN;
  return Number.isFinite(value) ? value : undefined;
}

export function readBoolean(text: string): boolean | undefined {
  return text === "true" ? true : text === "false" ? false : undefined;
}

/** What a match asks of a number; undefined where it is no question about numbers. */
export function numberRange(match: Match): NumberRange | undefined {
  if (match.kind === "contains" || match.kind === "exact") {
    const value = readNumber(match.value);
    return value === undefined ? undefined : { from: { value, inclusive: true }, to: { value, inclusive: true } };
  }
  if (match.kind !== "range") return undefined;
  const from = numberBound(match.from);
  const to = numberBound(match.to);
  if (from === "wrong" || to === "wrong") return undefined;
  return { ...(from ? { from } : {}), ...(to ? { to } : {}) };
}

function numberBound(bound: Bound | undefined): NumberBound | "wrong" | undefined {
  if (!bound) return undefined;
  const value = readNumber(bound.value);
  return value === undefined ? "wrong" : { value, inclusive: bound.inclusive };
}

/** What a match asks of a date; undefined where it is no question about dates. */
export function dateRange(match: Match): DateRange | undefined {
  if (match.kind === "contains" || match.kind === "exact") {
    const interval = parseDate(match.value);
    return interval && { from: interval.start, before: interval.end };
  }
  if (match.kind !== "range") return undefined;
  const from = match.from ? parseDate(match.from.value) : ALL_TIME;
  const to = match.to ? parseDate(match.to.value) : ALL_TIME;
  if (!from || !to) return undefined;
  return {
    from: match.from && !match.from.inclusive ? from.end : from.start,
    before: match.to && !match.to.inclusive ? to.start : to.end,
  };
}

/** The match as a person would name it in an error. */
export function describeMatch(match: Match): string {
  switch (match.kind) {
    case "contains":
    case "exact":
      return `'${match.value}'`;
    case "wildcard":
      return `'${match.pattern}'`;
    case "regex":
      return "a regular expression";
    case "range":
      return `the range from '${match.from?.value ?? "*"}' to '${match.to?.value ?? "*"}'`;
    default:
      return match satisfies never;
  }
}
