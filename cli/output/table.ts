/** Aligned columns for a terminal: text to the left, numbers to the right, the last column unpadded, long cells cut. */

export type Column<T> = {
  readonly title: string;
  readonly align?: "left" | "right";
  /** Longer cells are cut, with an ellipsis. */
  readonly max?: number;
  readonly cell: (row: T) => string;
};

/** The lines of the table, titles first; without rows only the titles. */
export function table<T>(rows: readonly T[], columns: readonly Column<T>[]): string {
  const cells = rows.map((row) => columns.map((column) => cut(plain(column.cell(row)), column.max)));
  const widths = columns.map((column, i) =>
    Math.max(Bun.stringWidth(column.title), ...cells.map((row) => Bun.stringWidth(row[i] ?? ""))),
  );
  const line = (texts: readonly string[]) =>
    texts
      .map((text, i) => {
        const space = " ".repeat(Math.max(0, (widths[i] ?? 0) - Bun.stringWidth(text)));
        if (columns[i]?.align === "right") return space + text;
        return i === texts.length - 1 ? text : text + space;
      })
      .join("  ")
      .trimEnd();
  return [line(columns.map((column) => column.title)), ...cells.map(line)].join("\n");
}

/** Name and value, one pair a line, values aligned; pairs without a value are left out. */
export function pairs(entries: readonly (readonly [string, string | undefined])[]): string {
  const known = entries.filter((entry): entry is readonly [string, string] => entry[1] !== undefined);
  const width = Math.max(0, ...known.map(([name]) => name.length)) + 2;
  return known.map(([name, value]) => `${`${name}:`.padEnd(width)}${plain(value)}`).join("\n");
}

/** Text from elsewhere must not move the cursor or colour the terminal. */
function plain(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, " ");
}

function cut(text: string, max: number | undefined): string {
  if (max === undefined || Bun.stringWidth(text) <= max) return text;
  return `${Bun.sliceAnsi(text, 0, max - 1)}…`;
}
