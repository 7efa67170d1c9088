/** One source for all URIs: picks by scheme. What the settings do not allow never gets that far: the guard stands in front of each. */

import { fileSource } from "./file.ts";
import { createGuard, type Resolve } from "./guard/guard.ts";
import type { SourceSettings } from "./guard/rules.ts";
import { httpSource } from "./http.ts";
import { s3Settings, s3Source, trustedEndpoint } from "./s3.ts";
import { permanent, type Source } from "./source.ts";

/** All sources behind one guard made from the tenant's settings. */
export function openSources(
  settings: SourceSettings,
  options: { env: Readonly<Record<string, string | undefined>>; now: () => Date; resolve?: Resolve },
): Source {
  const guard = createGuard(settings, options);
  const web = httpSource({ guard, now: options.now });
  const endpoint = trustedEndpoint(options.env);
  // The endpoint of the object store is the administrator's choice: its scheme and host need no leave from the tenant's settings.
  const storeGuard = createGuard(
    { ...settings, allowed_source_schemes: ["http", "https"], allowed_source_hosts: ["*"] },
    { ...options, trusted: endpoint },
  );
  const objects = s3Source({
    guard,
    http: httpSource({ guard: storeGuard, now: options.now }),
    settings: s3Settings(options.env),
  });
  const files = fileSource({ guard });
  const byScheme: Readonly<Record<string, Source>> = { "http:": web, "https:": web, "s3:": objects, "file:": files };
  return {
    open: async (uri, request) => {
      const url = guard.uri(uri);
      if (url.kind === "refused") return permanent(url.reason);
      const source = byScheme[url.value.protocol];
      return source ? source.open(uri, request) : permanent(`Cannot fetch file: no source for '${url.value.protocol}'`);
    },
  };
}
