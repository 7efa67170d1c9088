/** Where webhooks may lie: the tenant's settings for them, behind the guard that stands before every request to an address that others name. */
import { createGuard, type Guard, type Resolve } from "#sources/guard/guard.ts";
import type { Settings } from "#store/settings.ts";

type WebhookSettings = Pick<Settings, "allowed_webhook_schemes" | "allowed_webhook_hosts" | "allowed_webhook_networks">;

export function webhookGuard(
  settings: WebhookSettings,
  o: { readonly now: () => Date; readonly resolve?: Resolve },
): Guard {
  return createGuard(
    {
      allowed_source_schemes: settings.allowed_webhook_schemes,
      allowed_source_hosts: settings.allowed_webhook_hosts,
      allowed_private_networks: settings.allowed_webhook_networks,
      allowed_file_roots: [],
      max_file_bytes: 0,
    },
    o,
  );
}

/** Why this address cannot be a webhook's; undefined where it can. A name that does not resolve now may do so later. */
export async function addressRefusal(guard: Guard, address: string): Promise<string | undefined> {
  const url = guard.uri(address);
  if (url.kind === "refused") return url.reason;
  if (url.value.username !== "" || url.value.password !== "") return "expected a URL without user and password";
  if (url.value.hash !== "") return "expected a URL without fragment";
  const target = await guard.web(url.value, 0).catch(() => undefined);
  return target?.kind === "refused" ? target.reason : undefined;
}
