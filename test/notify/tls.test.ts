/** Receivers whose certificates only an authority of the operator's own vouches for: NODE_EXTRA_CA_CERTS names it, as the guides say. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeSetting } from "#store/settings.ts";
import { type KeyPair, testAuthority } from "../support/certificates.ts";
import { eventually, LIMIT } from "../support/eventually.ts";
import { temporaryFolder } from "../support/folder.ts";
import { type NotifyWorld, notifyWorld } from "../support/notify-world.ts";
import { otlpReceiver } from "../support/otlp-receiver.ts";
import { run } from "../support/run-command.ts";

const folder = temporaryFolder("tls-receivers");
const trusting = { NODE_EXTRA_CA_CERTS: join(folder.path, "ca.pem") };
let world: NotifyWorld;
let tls: KeyPair;
beforeAll(async () => {
  const authority = await testAuthority();
  writeFileSync(trusting.NODE_EXTRA_CA_CERTS, authority.ca);
  // For the name alone: what asks an address that it has looked up before must still check the name.
  tls = await authority.issue("CN=receiver", ["localhost"]);
  world = await notifyWorld("tls_receivers");
  await writeSetting(world.db, "allowed_webhook_schemes", ["https"]);
  await writeSetting(world.db, "allowed_webhook_networks", ["127.0.0.0/8", "::1/128"]);
});
afterAll(async () => {
  await world.close();
  folder.remove();
}, LIMIT.slow);

describe("a webhook over TLS", () => {
  test(
    "is told nothing by who does not trust its authority, and everything by who does",
    async () => {
      const heard: unknown[] = [];
      const server = Bun.serve({
        hostname: "127.0.0.1",
        port: 0,
        tls,
        fetch: async (request) => {
          heard.push(((await request.json()) as { type: unknown }).type);
          return Response.json({});
        },
      });
      await world.webhook(`https://localhost:${server.port}/told`);
      await world.tell(await world.order(), "DONE");
      const stranger = await world.spawn();
      // The name may stand for several addresses, of which the receiver listens on one.
      await eventually("its certificate is refused", async () => {
        await world.later();
        return (await world.states())[0]?.lastError?.includes("UNABLE_TO_VERIFY_LEAF_SIGNATURE");
      });
      await stranger.kill();
      expect(heard).toEqual([]);
      await world.spawn(trusting);
      await eventually("it is told", async () => {
        await world.later();
        return heard.length > 0;
      });
      await world.settled();
      // Claims were made to run out above: it may have been sent twice.
      expect([...new Set(heard)]).toEqual(["DONE"]);
      await server.stop(true);
    },
    LIMIT.slow,
  );
});

describe("a collector of traces over TLS", () => {
  const tell = (endpoint: string, env: Readonly<Record<string, string>>) =>
    run([process.execPath, join(import.meta.dir, "../support/tracer-process.ts")], {
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, ...env },
    });

  test("gets nothing from who does not trust its authority, and spans from who does", async () => {
    const collector = otlpReceiver({ tls });
    const refused = await tell(collector.url, {});
    expect([refused.code, refused.stdout + refused.stderr]).toEqual([0, expect.stringMatching(/certificate/i)]);
    expect(collector.spans).toEqual([]);
    expect(await tell(collector.url, trusting)).toMatchObject({ code: 0, stdout: "", stderr: "" });
    expect(collector.spans.map(({ name }) => name)).toEqual(["accept order"]);
    await collector.stop();
  });
});
