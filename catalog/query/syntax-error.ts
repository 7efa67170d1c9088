/** The one error that the query language throws: what was expected, and where. Columns count from 1. */
export class QuerySyntaxError extends Error {
  readonly column: number;

  /** `problem` goes on after `Cannot parse query: `; the column is added. */
  constructor(problem: string, column: number) {
    super(`Cannot parse query: ${problem} at column ${column}`);
    this.name = "QuerySyntaxError";
    this.column = column;
  }
}
