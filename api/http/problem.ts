/** A refusal that a client is told: status and messages of the contract's error body. Thrown anywhere below a route, answered in one place. */

/** What is wrong with one field of the body. */
export type FieldProblem = { readonly field: string; readonly message: string };

export type ProblemContent = {
  readonly fields?: readonly FieldProblem[];
  /** The contract has a form of its own for this one. */
  readonly body?: unknown;
};

export class HttpProblem extends Error {
  override readonly name = "HttpProblem";
  readonly status: number;
  readonly messages: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly fields: readonly FieldProblem[];
  readonly body: unknown;

  constructor(
    status: number,
    messages: readonly string[],
    headers: Readonly<Record<string, string>> = {},
    { fields = [], body }: ProblemContent = {},
  ) {
    super(`${status}: ${messages.join(", ")}`);
    this.status = status;
    this.messages = messages;
    this.headers = headers;
    this.fields = fields;
    this.body = body;
  }
}
