import { describe, expect, spyOn, test } from "bun:test";
import { counted, humanSize, humanSpan, humanTime } from "./human.ts";
import { progressLines } from "./progress.ts";
import { pairs, table } from "./table.ts";

describe("humanSize()", () => {
  const cases = {
    nothing: { bytes: 0, want: "0 B" },
    "bytes are exact": { bytes: 999, want: "999 B" },
    "a kilobyte": { bytes: 1000, want: "1.0 kB" },
    "rounding does not give 1000 kB": { bytes: 999_999, want: "1.0 MB" },
    "three digits at most": { bytes: 123_456_789, want: "123 MB" },
    "larger than the largest unit": { bytes: 5e18, want: "5000 PB" },
  } as const;
  for (const [name, { bytes, want }] of Object.entries(cases)) {
    test(`humanSize() writes ${name}`, () => expect(humanSize(bytes)).toBe(want));
  }
});

describe("humanSpan()", () => {
  test("shows the two largest units", () => {
    expect([0, 59, 60, 61, 5025, 86_400, 90_000, 172_830].map(humanSpan)).toEqual([
      "0 s",
      "59 s",
      "1 min",
      "1 min 1 s",
      "1 h 23 min",
      "1 d",
      "1 d 1 h",
      "2 d",
    ]);
  });
});

describe("humanTime()", () => {
  const now = new Date("2026-01-01T12:00:00Z");
  test("tells past from future and absence", () => {
    expect(humanTime("2026-01-01T11:55:00Z", now)).toBe("5 min ago");
    expect(humanTime("2026-01-03T12:00:00Z", now)).toBe("in 2 d");
    expect(humanTime("2026-01-01T12:00:00.4Z", now)).toBe("now");
    expect(humanTime(undefined, now)).toBe("-");
  });
});

describe("counted()", () => {
  test("groups digits and knows the singular", () => {
    expect([counted(1, "file"), counted(0, "file"), counted(1_234_567, "file")]).toEqual([
      "1 file",
      "0 files",
      "1 234 567 files",
    ]);
  });
});

describe("table()", () => {
  const columns = [
    { title: "ID", align: "right", cell: (row: { id: number }) => String(row.id) },
    { title: "LABEL", max: 8, cell: (row: { label: string }) => row.label },
    { title: "STATUS", cell: () => "DONE" },
  ] as const;

  test("aligns, cuts, and leaves no space at the end", () => {
    const rows = [
      { id: 1, label: "short" },
      { id: 12, label: "much too long" },
    ];
    expect(table<{ id: number; label: string }>(rows, columns).split("\n")).toEqual([
      "ID  LABEL     STATUS",
      " 1  short     DONE",
      "12  much to…  DONE",
    ]);
  });

  test("lets no control character of a label reach the terminal", () => {
    expect(table([{ id: 1, label: "a\u001b[2Jb" }], columns)).not.toContain("\u001b");
  });

  test("counts wide characters as two columns", () => {
    const [title, row] = table([{ id: 1, label: "日本" }], columns).split("\n");
    expect(Bun.stringWidth(row?.slice(0, row.indexOf("DONE")) ?? "")).toBe(title?.indexOf("STATUS") ?? -1);
  });
});

describe("pairs()", () => {
  test("leaves out what has no value", () => {
    expect(
      pairs([
        ["A", "1"],
        ["Long", undefined],
        ["Bc", "2"],
      ]),
    ).toBe("A:  1\nBc: 2");
  });
});

describe("progressLines()", () => {
  const written = (updates: readonly (readonly [done: number, total: number | undefined])[], everyMs: number) => {
    const write = spyOn(process.stderr, "write").mockImplementation(() => true);
    try {
      const progress = progressLines("download", { unit: "bytes", everyMs });
      for (const [done, total] of updates) progress.update(done, total);
      progress.stop();
      return write.mock.calls.map(([text]) => text);
    } finally {
      write.mockRestore();
    }
  };

  test("writes now and then, and at the end", () => {
    expect(
      written(
        [
          [1000, 9000],
          [2000, 9000],
          [9000, 9000],
        ],
        60_000,
      ),
    ).toEqual(["download  9.0 kB of 9.0 kB\n"]);
  });

  test("does not take what is there for the whole where nobody knows how much it will be", () => {
    expect(
      written(
        [
          [1000, undefined],
          [2000, undefined],
        ],
        60_000,
      ),
    ).toEqual([]);
    expect(
      written(
        [
          [1000, undefined],
          [2000, undefined],
        ],
        0,
      ),
    ).toEqual(["download  1.0 kB\n", "download  2.0 kB\n"]);
  });
});
