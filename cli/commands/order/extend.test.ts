import { expect, test } from "bun:test";
import { timeReader } from "./extend.ts";

const read = timeReader(() => new Date("2026-03-01T12:00:00Z"));

const TIMES = {
  "+7d": "2026-03-08T12:00:00.000Z",
  "+12h": "2026-03-02T00:00:00.000Z",
  "2026-04-01": "2026-04-01T00:00:00.000Z",
  "2026-04-01T10:00:00+02:00": "2026-04-01T08:00:00.000Z",
};
for (const [text, want] of Object.entries(TIMES)) {
  test(`timeReader() understands '${text}'`, () => expect(read(text).toISOString()).toBe(want));
}
for (const text of ["tomorrow", "+7", "+7w", "-1d", "2026-13-01", ""]) {
  test(`timeReader() refuses '${text}'`, () => expect(() => read(text)).toThrow("A time is needed"));
}
