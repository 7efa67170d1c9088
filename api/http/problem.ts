/** A refusal that a client is told: status and messages of the contract's error body. Thrown anywhere below a route, answered in one place. */

export class HttpProblem extends Error {
  override readonly name = "HttpProblem";
  readonly status: number;
  readonly messages: readonly string[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, messages: readonly string[], headers: Readonly<Record<string, string>> = {}) {
    super(`${status}: ${messages.join(", ")}`);
    this.status = status;
    this.messages = messages;
    this.headers = headers;
  }
}
