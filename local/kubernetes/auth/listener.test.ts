import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { type TemporaryFolder, temporaryFolder } from "#test/support/folder.ts";
import { certificates } from "./certificates.ts";
import { listen } from "./listener.ts";
import { keptToken } from "./token.ts";

const DAY = 24 * 60 * 60 * 1000;

describe("listener", () => {
  let folder: TemporaryFolder;
  beforeAll(() => {
    folder = temporaryFolder("listener");
  });
  afterAll(() => folder.remove());

  test("certificates() keeps what it made, and renews the server's alone when little of it is left", async () => {
    const path = join(folder.path, "renewed");
    const now = new Date("2026-01-01T00:00:00Z");
    const first = await certificates(path, { host: "127.0.0.1", now });
    expect(await certificates(path, { host: "127.0.0.1", now: new Date(now.getTime() + 300 * DAY) })).toEqual(first);
    const later = await certificates(path, { host: "127.0.0.1", now: new Date(now.getTime() + 340 * DAY) });
    expect(later.ca).toBe(first.ca);
    expect(later.cert).not.toBe(first.cert);
  });

  test("certificates() makes another for a host that the kept one does not name", async () => {
    const path = join(folder.path, "hosts");
    const now = new Date();
    const first = await certificates(path, { host: "127.0.0.1", now });
    const other = await certificates(path, { host: "192.0.2.7", now });
    expect([other.ca === first.ca, other.cert === first.cert]).toEqual([true, false]);
  });

  test("keptToken() gives the same token each time, and only its owner may read it", async () => {
    const path = join(folder.path, "token");
    const token = await keptToken(path);
    expect(token.length).toBeGreaterThanOrEqual(43);
    expect(await keptToken(path)).toBe(token);
    expect((await stat(join(path, "token"))).mode & 0o777).toBe(0o600);
  });

  test("listen() lets in who has the token, over its own authority, and begins a silent watch at once", async () => {
    const silent = new ReadableStream<Uint8Array>({ pull: () => new Promise<void>(() => {}) });
    const handle = async (request: Request) => new Response(request.url.includes("watch") ? silent : "served");
    const path = join(folder.path, "served");
    const listener = await listen(handle, { host: "127.0.0.1", port: 0, folder: path, now: () => new Date() });
    const kubeconfig = join(folder.path, "kubeconfig");
    await listener.writeKubeconfig(kubeconfig, { namespace: "mine" });
    expect((await stat(kubeconfig)).mode & 0o777).toBe(0o600);
    const config = await Bun.file(kubeconfig).json();
    const tls = { ca: Buffer.from(config.clusters[0].cluster["certificate-authority-data"], "base64").toString() };
    const authorization = `Bearer ${config.users[0].user.token}`;
    const { server } = config.clusters[0].cluster;
    expect((await fetch(`${server}/api`, { tls })).status).toBe(401);
    expect((await fetch(`${server}/api`, { tls, headers: { authorization: "Bearer wrong" } })).status).toBe(401);
    expect(await (await fetch(`${server}/api`, { tls, headers: { authorization } })).text()).toBe("served");
    const stop = new AbortController();
    const watch = await fetch(`${server}/api/v1/pods?watch=true`, {
      tls,
      headers: { authorization },
      signal: stop.signal,
    });
    expect(watch.status).toBe(200);
    stop.abort();
    await listener.stop();
  });
});
