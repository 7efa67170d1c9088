/**
 * ISO 8601 dates as intervals: a date stands for the whole of what its last written part names, so `2015-07-10` is a day and
 * `2007-12-03T11:15` a minute, and an inclusive upper bound reaches its end. Without a zone it is UTC.
 * The canonical form (UTC, six digits of a second) sorts as text, which is how the catalogue compares dates within JSON.
 */

/** Canonical times; `end` is not part of the interval. */
export type Interval = { readonly start: string; readonly end: string };

const FORM =
  /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[Tt ](\d\d)(?::(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?)?)?)?(?:([Zz])|([+-])(\d\d)(?::?(\d\d))?)?$/;
const FIRST = "0000-01-01T00:00:00.000000Z";
const LAST = "9999-12-31T23:59:59.999999Z";

/** All times that can be written. */
export const ALL_TIME: Interval = { start: FIRST, end: LAST };

type Parts = readonly (number | undefined)[];

export function parseDate(text: string): Interval | undefined {
  const found = FORM.exec(text);
  if (!found) return undefined;
  const parts = found.slice(1, 7).map((part) => (part === undefined ? undefined : Number(part)));
  const zone = found[8] ?? found[9];
  if (zone !== undefined && parts[3] === undefined) return undefined;
  const local = instant(parts);
  if (local === undefined || !sameDay(local, parts)) return undefined;
  const offset = offsetMinutes(found);
  if (offset === undefined) return undefined;
  const start = local - offset * 60_000;
  const fraction = found[7];
  if (fraction !== undefined) return withFraction(start, fraction);
  return { start: canonical(start, 0), end: canonical(endOf(start, parts), 0) };
}

/** The canonical form of a full date or date-time; undefined for anything else, a bare year or month included. */
export function canonicalDate(text: string): string | undefined {
  return text.length < 10 ? undefined : parseDate(text)?.start;
}

function instant([year, month = 1, day = 1, hour = 0, minute = 0, second = 0]: Parts): number | undefined {
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year ?? 0, month - 1, day);
  date.setUTCHours(hour, minute, second);
  return date.getTime();
}

/** `2015-02-30` is no day. */
function sameDay(time: number, [, month = 1, day = 1]: Parts): boolean {
  const date = new Date(time);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

function offsetMinutes(found: RegExpExecArray): number | undefined {
  const hours = Number(found[10] ?? 0);
  const minutes = Number(found[11] ?? 0);
  if (hours > 18 || minutes > 59) return undefined;
  return (found[9] === "-" ? -1 : 1) * (hours * 60 + minutes);
}

function endOf(start: number, [, month, day, hour, minute, second]: Parts): number {
  if (second !== undefined) return start + 1_000;
  if (minute !== undefined) return start + 60_000;
  if (hour !== undefined) return start + 3_600_000;
  if (day !== undefined) return start + 86_400_000;
  const end = new Date(start);
  if (month !== undefined) end.setUTCMonth(end.getUTCMonth() + 1);
  else end.setUTCFullYear(end.getUTCFullYear() + 1);
  return end.getTime();
}

/** Digits beyond the microsecond are cut off, as the contract says. */
function withFraction(second: number, digits: string): Interval {
  const kept = digits.slice(0, 6);
  const micros = Number(kept.padEnd(6, "0"));
  const end = micros + 10 ** (6 - kept.length);
  return { start: canonical(second, micros), end: canonical(second, end) };
}

/** Clamped to the years 0 to 9999. */
function canonical(time: number, micros: number): string {
  const carried = time + Math.floor(micros / 1_000_000) * 1_000;
  const text = new Date(carried).toISOString();
  if (text.startsWith("-")) return FIRST;
  if (text.startsWith("+")) return LAST;
  return `${text.slice(0, 20)}${String(micros % 1_000_000).padStart(6, "0")}Z`;
}
