/** A line of a table as spreadsheets read it: quoted where needed (RFC 4180, with `;`), and never a formula. */

const SEPARATOR = ";";
/** With these a spreadsheet begins to calculate, or to call programs. */
const FORMULA = /^[=+\-@\t\r]/;

export function csvLine(values: readonly (string | number)[]): string {
  return `${values.map(csvValue).join(SEPARATOR)}\n`;
}

function csvValue(value: string | number): string {
  if (typeof value === "number") return String(value);
  const text = FORMULA.test(value) ? `'${value}` : value;
  return /[;"\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
