/**
 * Reading what one has just written: the cache is a little behind, and planning from a status that is older than one's own last write
 * would write it again. What was written stands until the cache has moved on from what it held at that time.
 */
import type { Cache } from "#kube/cache.ts";
import type { KubeObject } from "#kube/resource.ts";

export type LatestSeen<T> = { get(name: string): T | undefined; remember(written: T): void };

export function latestSeen<T extends KubeObject>(cache: Cache<T>): LatestSeen<T> {
  const ahead = new Map<string, { readonly cached: T | undefined; readonly written: T }>();
  return {
    get(name) {
      const cached = cache.get(name);
      const known = ahead.get(name);
      if (known === undefined) return cached;
      if (cached !== undefined && known.cached === cached) return known.written;
      ahead.delete(name);
      return cached;
    },
    remember(written) {
      const { name } = written.metadata;
      const cached = cache.get(name);
      if (cached?.metadata.uid === written.metadata.uid && isOlder(cached, written))
        ahead.set(name, { cached, written });
      else ahead.delete(name);
    },
  };
}

/**
 * The watch may be faster than the answer to the write, and bring what somebody wrote after it too. Versions of one kind are numbers that grow; of
 * others nothing is claimed, and then the cache is believed.
 */
function isOlder(cached: KubeObject | undefined, written: KubeObject): boolean {
  return Number(cached?.metadata.resourceVersion) < Number(written.metadata.resourceVersion);
}
