/** A query that reads well but does not fit the catalogue: an unknown attribute, or a value of the wrong type. */
export class FieldError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "FieldError";
  }
}
