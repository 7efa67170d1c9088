/** The roles of a cluster as separate processes over the local Kubernetes: an order walks through them, and each says truly how it is. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import type { Order } from "#crds/order.ts";
import { ORDERS } from "#crds/resource-types.ts";
import { resourceApi } from "#kube/resource.ts";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { runProgram } from "#test/support/program.ts";
import type { RoleProcess } from "#test/support/role.ts";
import { launchRole } from "#test/support/role.ts";
import { PASSWORD, PUBLIC_URL, type RolesWorld, rolesWorld, TENANT, USER } from "#test/support/roles-world.ts";
import { tcpProxy } from "#test/support/tcp-proxy.ts";

const LONG_MS = 120_000;
const SECRET = "a secret of the tests, long enough for the signature";
const PREFIX = "/api/v1/rs-order";
const bytes = new TextEncoder().encode("what a satellite saw\n".repeat(1000));
let world: RolesWorld;

beforeAll(async () => {
  world = await rolesWorld("roles");
}, LONG_MS);
afterAll(() => world.close(), LONG_MS);

async function token(url: string): Promise<string> {
  const body = { grant_type: "password", username: USER, password: PASSWORD, scope: TENANT };
  const response = await fetch(`${url}/api/v1/rs-authentication/oauth/token?scope=${TENANT}`, {
    method: "POST",
    headers: { authorization: `Basic ${btoa("client:secret")}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return ((await response.json()) as { access_token: string }).access_token;
}

/** Samples of the health port by name and labels. */
async function metricsOf(role: RoleProcess): Promise<Record<string, number>> {
  const text = await (await fetch(`${role.health}/metrics`)).text();
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.split(" ").at(-1))]),
  );
}

describe("the api and the operator as processes of their own", () => {
  let api: RoleProcess;
  let operators: readonly RoleProcess[];
  let auth: Record<string, string>;

  test(
    "start together on an empty database: one migrates, all become ready",
    async () => {
      const [first, one, two] = await Promise.all([
        world.start("api", "api"),
        world.start("one", "operator"),
        world.start("two", "operator"),
      ]);
      api = first;
      operators = [one, two];
      const logs = [first, one, two].map((each) => each.log());
      expect(logs.filter((log) => log.includes("Database was migrated"))).toHaveLength(1);
      for (const each of [first, one, two]) {
        expect(await each.probe("healthz")).toBe(200);
        await eventually("it says that it is ready", async () => (await each.probe("readyz")) === 200);
      }
      await world.prepare();
      auth = { authorization: `Bearer ${await token(api.about)}` };
    },
    LONG_MS,
  );

  test("refuse what breaks the schema of a body, and say where", async () => {
    const ask = async (body: object) => {
      const response = await fetch(`${api.about}${PREFIX}/user/orders/apply`, {
        method: "POST",
        headers: { ...auth, "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      return [response.status, await response.text()];
    };
    expect(await ask({ queries: "all" })).toEqual([422, expect.stringContaining("queries")]);
    expect(await ask({ queries: ["x:1"], filters: { dataTypes: ["PDF"] } })).toEqual([
      422,
      expect.stringContaining("dataTypes"),
    ]);
  });

  test(
    "carry an order from REST to its bytes, through a Job of the configured template",
    async () => {
      await world.product("scene", bytes);
      const asked = await fetch(`${api.about}${PREFIX}/user/orders/apply`, {
        method: "POST",
        headers: { ...auth, "content-type": "application/json" },
        body: JSON.stringify({ queries: ['name:"scene"'], filters: { dataTypes: ["RAWDATA"] } }),
      });
      const { orderId } = (await asked.json()) as { orderId: number };
      const order = await eventually(
        "the order has succeeded",
        async () => {
          const found = await resourceApi<Order>(world.transport, ORDERS).get(`order-${orderId}`);
          const is = found?.status?.conditions?.find(({ type }) => type === "Succeeded");
          if (is?.status !== "True") throw new Error(JSON.stringify(found?.status));
          return found;
        },
        LIMIT.slow,
      );
      expect(order.status?.files?.available).toBe(1);
      const job = await world.jobs.get(`order-${orderId}-1-a1`);
      expect(job?.metadata.labels?.["kueue.x-k8s.io/queue-name"]).toBe("archive");
      expect(job?.spec).toMatchObject({ backoffLimit: 2, activeDeadlineSeconds: 600, ttlSecondsAfterFinished: 300 });
      const { metadata, spec } = job?.spec.template ?? {};
      expect(metadata?.labels).toMatchObject({ "example.org/purpose": "orders" });
      expect(spec).toMatchObject({
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, fsGroup: 65532 },
        volumes: [{ name: "tmp", emptyDir: { sizeLimit: "1Gi" } }],
      });
      expect(JSON.stringify(job)).not.toContain(world.databaseUrl);
      const lines = (await world.podLogs()).map((line) => JSON.parse(line));
      expect(lines.map(({ msg }) => msg)).toContain("sub-order worked through");
      for (const line of lines) expect(line).toMatchObject({ order: orderId, subOrder: 1, attempt: 1 });
      const archive = await fetch(`${api.about}${PREFIX}/user/orders/${orderId}/download`, { headers: auth });
      expect([archive.status, archive.headers.get("content-type")]).toEqual([200, "application/octet-stream"]);
      const [file] = await world.db<{ sha256: string }[]>`
        SELECT encode(sha256, 'hex') AS sha256 FROM order_files WHERE order_id = ${orderId}`;
      expect(file?.sha256).toBe(createHash("sha256").update(bytes).digest("hex"));
      expect((await archive.arrayBuffer()).byteLength).toBeGreaterThan(bytes.length);
      const listed = await (
        await fetch(`${api.about}${PREFIX}/orders/${orderId}/files/available`, { headers: auth })
      ).text();
      expect(listed).toContain(PUBLIC_URL);
    },
    LONG_MS,
  );

  test(
    "tell what they do as metrics: the leader of the orders, the api of its operations, everybody of themselves",
    async () => {
      const leader = operators.find((each) => each.log().includes("Leadership taken"));
      const standby = operators.find((each) => each !== leader);
      if (!leader || !standby) throw new Error("Cannot find who leads");
      const wanted = {
        regards_order_leader: 1,
        'regards_order_orders{status="DONE"}': 1,
        'regards_order_files{state="available"}': 1,
        'regards_order_fetched_files_total{result="available"}': 1,
        'regards_order_suborder_duration_seconds_count{reason="AllFilesAvailable"}': 1,
        'regards_order_kubernetes_requests_total{method="POST",resource="jobs",code="201"}': 1,
        'regards_order_build_info{role="operator",version="0.1.0"}': 1,
        regards_order_blob_bytes: bytes.length,
      };
      const led = await eventually(
        "its metrics are up to date",
        async () => {
          const found = await metricsOf(leader);
          if (!Bun.deepMatch(wanted, found)) throw new Error(JSON.stringify(found));
          return found;
        },
        LIMIT.slow,
      );
      expect(led['regards_order_watch_age_seconds{resource="orders"}']).toBeLessThan(60);
      expect(
        led['regards_order_reconcile_duration_seconds_count{controller="order",outcome="requeueAfter"}'],
      ).toBeGreaterThan(0);
      expect(led["process_resident_memory_bytes"]).toBeGreaterThan(10_000_000);
      const stood = await metricsOf(standby);
      expect(stood["regards_order_leader"]).toBe(0);
      expect(Object.keys(stood).filter((name) => name.startsWith("regards_order_orders"))).toEqual([]);
      await fetch(`${api.about}${PREFIX}/user/orders/1`);
      await fetch(`${api.about}/no/such/page`);
      expect(await metricsOf(api)).toMatchObject({
        'regards_order_http_requests_total{operation="applyOrder",method="POST",code="201"}': 1,
        'regards_order_http_requests_total{operation="getOrder",method="GET",code="401"}': 1,
        'regards_order_http_requests_total{operation="none",method="GET",code="404"}': 1,
        'regards_order_http_request_duration_seconds_count{operation="getOrder",method="GET"}': 1,
      });
      expect((await fetch(`${api.about}/metrics`)).status).toBe(404);
    },
    LONG_MS,
  );

  test(
    "an operator whose Kubernetes is away says that it is not ready, does not ask to be restarted, and comes back",
    async () => {
      const standby = operators.find((each) => !each.log().includes("Leadership taken"));
      if (!standby) throw new Error("Cannot find who stands by");
      const who = operators.indexOf(standby) === 0 ? "one" : "two";
      await world.shut(who);
      await eventually("it is not ready", async () => (await standby.probe("readyz")) === 503, LONG_MS);
      expect(await standby.probe("healthz")).toBe(200);
      world.open(who);
      await eventually("it is ready again", async () => (await standby.probe("readyz")) === 200, LIMIT.slow);
    },
    LONG_MS,
  );

  test(
    "the api ends in order: not ready at once, answering while it drains, code 0",
    async () => {
      const draining = await world.start("second", "api", { ORDER_DRAIN_SECONDS: "2" });
      const before = await fetch(`${draining.about}/healthz`);
      expect(before.headers.get("connection")).not.toBe("close");
      draining.signal("SIGTERM");
      await eventually("it is not ready", async () => (await draining.probe("readyz")) === 503);
      const during = await fetch(`${draining.about}/healthz`);
      expect([during.status, during.headers.get("connection")]).toEqual([200, "close"]);
      expect(await draining.end("SIGCONT")).toBe(0);
      expect(draining.log()).toContain('"msg":"Stopped"');
    },
    LONG_MS,
  );

  test(
    "an operator ends in order and gives its lease back",
    async () => {
      const [one, two] = operators;
      expect([await one?.end("SIGTERM"), await two?.end("SIGTERM")]).toEqual([0, 0]);
      expect(await world.leaseHolder()).toBeUndefined();
    },
    LONG_MS,
  );
});

describe("what a role is told", () => {
  const whole = {
    ORDER_DATABASE_URL: "postgres://nobody@127.0.0.1:9/none",
    ORDER_PUBLIC_URL: "https://x.example.org",
    ORDER_BLOBS_URL: "file:///tmp/nowhere",
    ORDER_JWT_SECRET: SECRET,
  };
  const refused: Record<string, { role: string; env: Record<string, string>; want: string }> = {
    "no database": { role: "api", env: { ORDER_DATABASE_URL: "" }, want: "ORDER_DATABASE_URL is not set" },
    "no secret": { role: "api", env: { ORDER_JWT_SECRET: "" }, want: "ORDER_JWT_SECRET is not set" },
    "a public URL that is none": { role: "api", env: { ORDER_PUBLIC_URL: "here" }, want: "ORDER_PUBLIC_URL must be" },
    "a port that is none": { role: "api", env: { ORDER_HEALTH_PORT: "-1" }, want: "ORDER_HEALTH_PORT must be a whole" },
    "no template": { role: "operator", env: {}, want: "ORDER_JOB_CONFIG is not set" },
    "no cluster": { role: "operator", env: { ORDER_JOB_CONFIG: "/x" }, want: "KUBERNETES_SERVICE_HOST is not set" },
  };
  for (const [name, { role, env, want }] of Object.entries(refused)) {
    test(`refuses ${name} with one clear line`, async () => {
      const outcome = await runProgram([role], { env: { ...whole, ORDER_HEALTH_PORT: "0", ...env } });
      expect([outcome.code, outcome.stdout]).toEqual([1, ""]);
      expect(outcome.stderr).toContain(want);
      expect(outcome.stderr).not.toMatch(/\n\s+at /);
    });
  }

  test(
    "a database that is away is waited for: alive, not ready, ready once it is there",
    async () => {
      const database = new URL(world.databaseUrl);
      const proxy = await tcpProxy({ host: database.hostname, port: Number(database.port) });
      const behind = new URL(world.databaseUrl);
      behind.host = `127.0.0.1:${proxy.port}`;
      proxy.refuse();
      const config = `${world.folder}/api.kubeconfig`;
      const env = { ...whole, ORDER_DATABASE_URL: behind.href, ORDER_KUBECONFIG: config, ORDER_TENANT: TENANT };
      const waiting = await launchRole("api", { ...env, ORDER_HEALTH_PORT: "0", ORDER_PORT: "0" });
      await eventually("it waits", () => waiting.log().includes("Database is away"));
      expect([await waiting.probe("healthz"), await waiting.probe("readyz")]).toEqual([200, 503]);
      proxy.accept();
      await waiting.ready();
      expect(await waiting.probe("readyz")).toBe(200);
      expect(await waiting.end("SIGTERM")).toBe(0);
      await proxy.stop();
    },
    LONG_MS,
  );

  for (const role of ["api", "operator", "amqp"] as const) {
    test(
      `the ${role} ends at once when it is told to while its database takes connections and says nothing`,
      async () => {
        const silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
        const waiting = await launchRole(role, {
          ...whole,
          ORDER_DATABASE_URL: `postgres://nobody@127.0.0.1:${silent.port}/none`,
          ORDER_KUBECONFIG: `${world.folder}/api.kubeconfig`,
          ORDER_JOB_CONFIG: `${world.folder}/jobs.yaml`,
          ORDER_AMQP_URL: "amqp://127.0.0.1:9",
          ORDER_HEALTH_PORT: "0",
          ORDER_PORT: "0",
        });
        expect(await waiting.probe("readyz")).toBe(503);
        const told = performance.now();
        expect(await waiting.end("SIGTERM")).toBe(0);
        expect(performance.now() - told).toBeLessThan(LIMIT.normal);
        silent.stop(true);
      },
      LONG_MS,
    );
  }

  test("migrate says what it applied, and the second time nothing", async () => {
    const env = { ORDER_DATABASE_URL: world.databaseUrl };
    const first = await runProgram(["migrate", "--tenant", "other"], { env });
    expect(first.stdout).toMatch(/^applied 0001_orders\.sql$/m);
    expect((await runProgram(["migrate", "--tenant", "other"], { env })).stdout).toBe("up to date\n");
  });
});
