import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { canonicalDate, parseDate } from "./dates.ts";

const intervals: Record<string, readonly [text: string, start: string, end: string]> = {
  "a year": ["2015", "2015-01-01T00:00:00.000000Z", "2016-01-01T00:00:00.000000Z"],
  "a month": ["2015-12", "2015-12-01T00:00:00.000000Z", "2016-01-01T00:00:00.000000Z"],
  "a day": ["2016-02-29", "2016-02-29T00:00:00.000000Z", "2016-03-01T00:00:00.000000Z"],
  "a minute without zone, as UTC": ["2007-12-03T10:15", "2007-12-03T10:15:00.000000Z", "2007-12-03T10:16:00.000000Z"],
  "a second": ["2007-12-03T10:15:30Z", "2007-12-03T10:15:30.000000Z", "2007-12-03T10:15:31.000000Z"],
  "a zone": ["2007-12-03T00:15:30+01:30", "2007-12-02T22:45:30.000000Z", "2007-12-02T22:45:31.000000Z"],
  "a short zone": ["2007-12-03T10:15:30-05", "2007-12-03T15:15:30.000000Z", "2007-12-03T15:15:31.000000Z"],
  milliseconds: ["2007-12-03T10:15:30.999Z", "2007-12-03T10:15:30.999000Z", "2007-12-03T10:15:31.000000Z"],
  "nanoseconds, cut": ["2007-12-03T10:15:30.123456789", "2007-12-03T10:15:30.123456Z", "2007-12-03T10:15:30.123457Z"],
  "the year 0": ["0000-01-01", "0000-01-01T00:00:00.000000Z", "0000-01-02T00:00:00.000000Z"],
  "the last year": ["9999", "9999-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z"],
};
const none = [
  "",
  "15",
  "2015-13",
  "2015-00-01",
  "2015-02-29",
  "2015-04-31",
  "2015-01-01T24:00",
  "2015-01-01T10:60",
  "2015-01-01Z",
  "2015-01-01T10:00+19",
  "20150101",
  "now",
  "2015-1-1",
];

describe("parseDate()", () => {
  for (const [name, [text, start, end]] of Object.entries(intervals)) {
    test(`reads ${name}: ${text}`, () => expect(parseDate(text)).toEqual({ start, end }));
  }
  for (const text of none) test(`refuses '${text}'`, () => expect(parseDate(text)).toBeUndefined());

  test("keeps the order of times as the order of texts", () => {
    const dates = fc.date({ min: new Date("0001-01-01"), max: new Date("9999-01-01"), noInvalidDate: true });
    fc.assert(
      fc.property(dates, dates, (a, b) => {
        const [first = "", second = ""] = [canonicalDate(a.toISOString()), canonicalDate(b.toISOString())];
        expect(first < second).toBe(a < b);
      }),
    );
  });
});

describe("canonicalDate()", () => {
  test("reads days and times", () => expect(canonicalDate("2015-07-10")).toBe("2015-07-10T00:00:00.000000Z"));
  test("takes no year or month for a date", () =>
    expect([canonicalDate("2015"), canonicalDate("2015-07")]).toEqual([undefined, undefined]));
});
