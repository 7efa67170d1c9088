import { describe, expect, test } from "bun:test";
import { retryAfterMs } from "./retry-after.ts";

const NOW = new Date("2026-11-21T12:00:00Z");

describe("retryAfterMs()", () => {
  const cases: Record<string, { header: string | null; want: number | undefined }> = {
    seconds: { header: "120", want: 120_000 },
    zero: { header: "0", want: 0 },
    "an HTTP date": { header: "Sat, 21 Nov 2026 12:01:00 GMT", want: 60_000 },
    "an obsolete RFC 850 date": { header: "Saturday, 21-Nov-26 12:01:00 GMT", want: 60_000 },
    "a date in the past": { header: "Sat, 21 Nov 2026 11:00:00 GMT", want: 0 },
    "more than a day": { header: "999999999", want: 86_400_000 },
    nothing: { header: null, want: undefined },
    nonsense: { header: "soon", want: undefined },
    "a negative number": { header: "-5", want: undefined },
    "a fraction": { header: "1.5", want: undefined },
  };
  for (const [name, { header, want }] of Object.entries(cases)) {
    test(`retryAfterMs() reads ${name}`, () => expect(retryAfterMs(header, NOW)).toBe(want));
  }
});
