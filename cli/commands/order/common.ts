/** What the commands on orders share: the client of the session, and reading an order's number. */
import { InvalidArgumentError } from "commander";
import { type RestClient, restClient } from "../../client/rest.ts";
import { loadSession } from "../../client/session.ts";

export function client(): RestClient {
  return restClient(loadSession(new Date()));
}

export function orderId(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError("An order's number is needed.");
  return Number(text);
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

const FACTORS: Readonly<Record<string, number>> = { "": 1, K: 1e3, M: 1e6, G: 1e9, T: 1e12 };

export function bytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([KMGT]?)B?$/i.exec(text);
  const value = Number(match?.[1]) * (FACTORS[match?.[2]?.toUpperCase() ?? ""] ?? Number.NaN);
  if (!Number.isSafeInteger(value)) throw new InvalidArgumentError("A number of bytes is needed, e.g. 500M.");
  return value;
}
