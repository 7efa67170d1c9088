/**
 * The token endpoint of the contract (rs-authentication): the password grant, from a JSON or form body or from the deprecated query
 * parameters; the body wins. Wrong credentials and unknown users get the same 400 in the same time.
 */
import type { Db } from "#store/db.ts";
import { checkPassword } from "#store/users.ts";
import type { Handler } from "../http/call.ts";
import { HttpProblem } from "../http/problem.ts";
import { json } from "../http/respond.ts";
import { issueToken, type TokenKey } from "./tokens.ts";

const SERVICE_PROVIDER = "regards";
/** The contract's fixed client; it is no secret, it only has to be right where it is given. */
const CLIENT = `Basic ${btoa("client:secret")}`;

export type TokenEndpointDeps = {
  readonly db: Db;
  readonly tokenKey: TokenKey;
  readonly tokenSeconds: number;
  readonly now: () => Date;
};

export function tokenEndpoint(deps: TokenEndpointDeps): Handler {
  return async ({ request, body, query }) => {
    const client = request.headers.get("authorization");
    if (client !== null && client !== CLIENT) throw new HttpProblem(401, ["Unknown client: expected 'client:secret'"]);
    const field = (name: string) => textField(body, name) ?? query.get(name) ?? undefined;
    const tenant = deps.tokenKey.tenant;
    const grant = field("grant_type") ?? "password";
    if (grant !== "password") {
      throw new HttpProblem(400, [`grant_type: expected 'password', got '${grant.slice(0, 64)}'`]);
    }
    const scope = field("scope") ?? tenant;
    const user =
      scope === tenant ? await checkPassword(deps.db, field("username") ?? "", field("password") ?? "") : undefined;
    if (!user) throw new HttpProblem(400, ["Bad credentials: username, password or scope is wrong"]);
    const expires = new Date(deps.now().getTime() + deps.tokenSeconds * 1000);
    const { email, role } = user;
    return json(200, {
      access_token: await issueToken(deps.tokenKey, { email, role, expires }),
      token_type: "bearer",
      expires_in: deps.tokenSeconds,
      tenant,
      scope: tenant,
      role,
      sub: email,
      email,
      service_provider_name: SERVICE_PROVIDER,
    });
  };
}

function textField(body: unknown, name: string): string | undefined {
  if (typeof body !== "object" || body === null) return undefined;
  const value: unknown = Reflect.get(body, name);
  return typeof value === "string" && value !== "" ? value : undefined;
}
