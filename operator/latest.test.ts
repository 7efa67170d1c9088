import { expect, test } from "bun:test";
import { ObjectCache } from "#kube/cache.ts";
import type { KubeObject } from "#kube/resource.ts";
import { latestSeen } from "./latest.ts";

const version = (resourceVersion: string, uid = "u"): KubeObject => ({ metadata: { name: "a", uid, resourceVersion } });

function world(first: KubeObject) {
  const cache = new ObjectCache<KubeObject>();
  cache.put(first);
  return { cache, latest: latestSeen(cache) };
}

test("latestSeen() reads what was written until the cache has moved on", () => {
  const { cache, latest } = world(version("9"));
  const written = version("10");
  latest.remember(written);
  expect(latest.get("a")).toBe(written);
  const newer = version("11");
  cache.put(newer);
  expect(latest.get("a")).toBe(newer);
  expect(latest.get("a")).toBe(newer);
});

test("latestSeen() believes the cache where the watch was faster than the answer to the write", () => {
  const { cache, latest } = world(version("9"));
  cache.put(version("10"));
  const newer = version("11");
  cache.put(newer);
  latest.remember(version("10"));
  expect(latest.get("a")).toBe(newer);
});

test("latestSeen() believes the cache about an object made anew, and where nobody knows which version is newer", () => {
  const other = version("5", "another");
  const { latest } = world(other);
  latest.remember(version("10"));
  expect(latest.get("a")).toBe(other);
  const strange = world(version("x"));
  strange.latest.remember(version("y"));
  expect(strange.latest.get("a")).toEqual(version("x"));
});
