/**
 * The OIDC issuers whose tokens are taken beside the platform's own, as the environment names them. Checked at the start and not at the first
 * token: a service that trusts somebody else than was meant must not come up.
 */
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { ROLES, type Role } from "#crds/files.ts";

/** Signatures by a key pair only: with a shared secret whoever may check tokens could make them. */
const ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"] as const;

const text = (description: string) => Type.String({ minLength: 1, maxLength: 1024, description });
const role = () => Type.Unsafe<Role>(Type.String({ pattern: `^(${ROLES.slice(1).join("|")})$` }));

const Issuer = Type.Object(
  {
    issuer: text("Its address, exactly as its tokens and its discovery document name it."),
    audience: text("What the tokens' `aud` must hold: this service's name at the issuer."),
    algorithms: Type.Optional(
      Type.Array(Type.Unsafe<(typeof ALGORITHMS)[number]>(Type.String({ pattern: `^(${ALGORITHMS.join("|")})$` })), {
        minItems: 1,
      }),
    ),
    jwksUri: Type.Optional(text("Where its keys are; absent: where its discovery document says.")),
    claims: Type.Optional(
      Type.Object(
        {
          email: Type.Optional(text("")),
          role: Type.Optional(text("")),
          groups: Type.Optional(text("")),
          tenant: Type.Optional(text("")),
        },
        { additionalProperties: false },
      ),
    ),
    tenant: Type.Optional(text("All of its users are of this tenant; absent: a claim names it.")),
    roles: Type.Optional(Type.Record(Type.String({ maxLength: 256 }), role())),
    defaultRole: Type.Optional(role()),
  },
  { additionalProperties: false },
);

/** One issuer with everything decided. Names of claims may be paths: `realm_access.roles`. */
export type Issuer = {
  readonly issuer: string;
  readonly audience: string;
  readonly algorithms: readonly string[];
  readonly jwksUri?: string;
  readonly claims: { readonly email: string; readonly role: string; readonly groups: string; readonly tenant: string };
  /** Absent: the tenant is read from the claim. */
  readonly tenant?: string;
  /** Their names of roles and ours; a name of ours stands for itself. */
  readonly roles: Readonly<Record<string, Role>>;
  /** Of who has none of them. */
  readonly defaultRole: Role;
};

const CLAIMS = { email: "email", role: "role", groups: "groups", tenant: "tenant" };
const WHAT = "Cannot use ORDER_OIDC_ISSUERS";

/** From a JSON list; throws with the field that is wrong. */
export function readIssuers(json: string | undefined): readonly Issuer[] {
  if (!json) return [];
  const list = parsed(json);
  const [problem] = Value.Errors(Type.Array(Issuer, { maxItems: 20 }), list);
  if (problem) throw new Error(`${WHAT}: ${problem.path.slice(1) || "value"}: ${lower(problem.message)}`);
  const issuers = (list as Static<typeof Issuer>[]).map(complete);
  const names = issuers.map(({ issuer }) => issuer);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`${WHAT}: '${twice}' is there twice`);
  return issuers;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new Error(`${WHAT}: expected a JSON list such as [{"issuer":"https://…","audience":"regards-order"}]`);
  }
}

function complete(given: Static<typeof Issuer>): Issuer {
  for (const url of [given.issuer, ...(given.jwksUri === undefined ? [] : [given.jwksUri])]) {
    if (!isTrustworthy(url)) throw new Error(`${WHAT}: '${url}': expected an https URL, or http on the loopback`);
  }
  return {
    roles: {},
    defaultRole: "REGISTERED_USER",
    algorithms: ALGORITHMS,
    ...given,
    claims: { ...CLAIMS, ...given.claims },
  };
}

/** Keys that come over a line on which others can write prove nothing. */
export function isTrustworthy(address: string): boolean {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url?.protocol === "https:") return true;
  return url?.protocol === "http:" && ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
}

function lower(message: string): string {
  return message.slice(0, 1).toLowerCase() + message.slice(1);
}
