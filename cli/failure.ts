/** What a command throws when it cannot do what it was asked: one clear line for the person, no stack trace. */
export class Failure extends Error {
  /** Exit code of the program. */
  readonly code: number;

  constructor(message: string, options: { code?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = "Failure";
    this.code = options.code ?? 1;
  }
}

/** The line for the person, whatever was thrown: causes that say more than the wrapper are added. */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? explain(error.cause) : undefined;
  return cause && !error.message.includes(cause) ? `${error.message}: ${cause}` : error.message;
}
