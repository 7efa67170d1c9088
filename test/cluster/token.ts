/** Signs in as the tenant's user, at the API's own token endpoint. */
import { ADA, PASSWORD, type TenantGround } from "./tenant-ground.ts";

export async function tokenFor({ namespace }: TenantGround, url: string): Promise<string> {
  const response = await fetch(`${url}/api/v1/rs-authentication/oauth/token?scope=${namespace}`, {
    method: "POST",
    headers: { authorization: `Basic ${btoa("client:secret")}`, "content-type": "application/json" },
    body: JSON.stringify({ grant_type: "password", username: ADA, password: PASSWORD, scope: namespace }),
  });
  return ((await response.json()) as { access_token: string }).access_token;
}
