/**
 * The public keys of one issuer: found by its discovery document, kept, fetched again when they are old or when a token names a key that is
 * not among them. Between two attempts lies a pause whatever tokens say, so that nobody can make this service flood an issuer. An issuer that is
 * away for a while changes nothing: the keys that were had stay good for a day.
 */
import { createLocalJWKSet, type JSONWebKeySet, type JWSHeaderParameters } from "jose";
import { JWKSInvalid, JWKSNoMatchingKey } from "jose/errors";
import type { Logger } from "pino";
import { type Issuer, isTrustworthy } from "./issuers.ts";

const FRESH_MS = 600_000;
const GOOD_MS = 86_400_000;
const PAUSE_MS = 10_000;
const ANSWER_WITHIN_MS = 5_000;
const MAX_BYTES = 1_048_576;

/** The issuer gives no keys, and none are left from before. */
export class IssuerAway extends Error {
  override readonly name = "IssuerAway";
}

export type IssuerKeys = (header: JWSHeaderParameters) => Promise<CryptoKey>;

type KeySet = { readonly find: ReturnType<typeof createLocalJWKSet>; readonly at: number };

export function issuerKeys(issuer: Issuer, o: { readonly now: () => Date; readonly logger: Logger }): IssuerKeys {
  const now = () => o.now().getTime();
  let set: KeySet | undefined;
  let triedAt = Number.NEGATIVE_INFINITY;
  let fetching: Promise<void> | undefined;

  /** At most one attempt at a time and per pause; true where one was made. */
  async function refresh(): Promise<boolean> {
    if (!fetching && now() - triedAt < PAUSE_MS) return false;
    fetching ??= fetchKeys(issuer)
      .then(
        (find) => {
          set = { find, at: now() };
        },
        (error: unknown) => o.logger.warn({ issuer: issuer.issuer, err: error }, "the keys of an issuer cannot be had"),
      )
      .finally(() => {
        triedAt = now();
        fetching = undefined;
      });
    await fetching;
    return true;
  }

  const usable = () => (set && now() - set.at < GOOD_MS ? set : undefined);

  return async (header) => {
    if (!usable()) await refresh();
    else if (now() - (set?.at ?? 0) >= FRESH_MS) void refresh();
    const known = usable();
    if (!known) throw new IssuerAway(issuer.issuer);
    try {
      return await known.find(header);
    } catch (error) {
      if (!(error instanceof JWKSNoMatchingKey) || !(await refresh())) throw error;
      return await (usable() ?? known).find(header);
    }
  };
}

async function fetchKeys(issuer: Issuer): Promise<ReturnType<typeof createLocalJWKSet>> {
  return createLocalJWKSet((await read(issuer.jwksUri ?? (await discover(issuer)))) as JSONWebKeySet);
}

async function discover({ issuer }: Issuer): Promise<string> {
  const found = (await read(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`)) as Record<
    string,
    unknown
  >;
  if (found["issuer"] !== issuer) {
    throw new JWKSInvalid(
      `Cannot use the discovery document: its issuer is '${String(found["issuer"]).slice(0, 200)}'`,
    );
  }
  const address = found["jwks_uri"];
  if (typeof address !== "string" || !isTrustworthy(address)) {
    throw new JWKSInvalid("Cannot use the discovery document: its jwks_uri is no https URL");
  }
  return address;
}

/** A redirect is not followed: it could lead to where nobody meant to ask. */
async function read(address: string): Promise<unknown> {
  const response = await fetch(address, {
    redirect: "error",
    headers: { accept: "application/json" },
    signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
  });
  if (!response.ok) throw new JWKSInvalid(`Cannot read '${address}': status ${response.status}`);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > MAX_BYTES) throw new JWKSInvalid(`Cannot read '${address}': more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString());
}
