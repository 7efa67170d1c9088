/** Values of one SQL text, in order: the text holds only `$1`, `$2`…, whatever a user writes. */
export type Value = string | number | readonly string[] | readonly number[];

export class Params {
  readonly #values: Value[] = [];

  get values(): Value[] {
    return [...this.#values];
  }

  /** Adds a value and gives the placeholder, with its type so that PostgreSQL need not guess. */
  add(value: Value, type: string): string {
    this.#values.push(value);
    return `$${this.#values.length}::${type}`;
  }

  /** A JSON value; sent as text, because the driver would encode a string for jsonb once more. */
  json(value: unknown): string {
    return `${this.add(JSON.stringify(value), "text")}::jsonb`;
  }
}
