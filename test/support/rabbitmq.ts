/**
 * A real RabbitMQ node for tests: own name, ports, port mapper and folder, so it meets no other broker of the machine. Users and virtual hosts
 * are given to it at its start (rabbitmqctl takes seconds a call); faults are done to it through rabbitmqctl. Skipped with a word where missing.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ChannelModel, connect } from "amqplib";
import { eventually } from "./eventually.ts";

const BIN = "/usr/lib/rabbitmq/bin";
const READY_WITHIN_MS = 120_000;
const PASSWORD = "only-for-tests";

export const VHOST = "regards.multitenant.manager";
/** May consume and publish, but configure nothing. */
export const LIMITED_USER = "limited";

export type TestBroker = {
  readonly url: string;
  /** The address of another user or virtual host. */
  urlOf(o: { readonly user?: string; readonly vhost?: string; readonly port?: number }): string;
  readonly port: number;
  /** Process of the node, for SIGSTOP. */
  pid(): Promise<number>;
  /** Runs `rabbitmqctl` and answers what it prints. */
  ctl(...args: readonly string[]): Promise<string>;
  /** A connection of the test's own; closed with the broker at the latest. */
  connect(): Promise<ChannelModel>;
  /** Kills the node with -9 and starts it again on the same folder and ports. */
  restart(): Promise<void>;
  stop(): Promise<void>;
};

/** Starts a node; undefined, with a word on why, where RabbitMQ is not installed. */
export async function testBroker(): Promise<TestBroker | undefined> {
  if (!(await Bun.file(join(BIN, "rabbitmq-server")).exists())) {
    if (process.env["TEST_REQUIRE_ALL"] === "1") throw new Error("Cannot test AMQP: rabbitmq-server is not installed");
    console.warn("AMQP tests are skipped: rabbitmq-server is not installed");
    return undefined;
  }
  const folder = await mkdtemp(join(tmpdir(), "test-rabbitmq-"));
  const ports = { amqp: freePort(), distribution: freePort(), mapper: freePort() };
  const env = await prepare(folder, ports);
  // The port mapper that a node starts by itself would outlive it.
  const mapper = Bun.spawn(["epmd", "-port", String(ports.mapper), "-address", "127.0.0.1"], quietly(env));
  const urlOf: TestBroker["urlOf"] = (o) =>
    `amqp://${o.user ?? "test"}:${PASSWORD}@127.0.0.1:${o.port ?? ports.amqp}/${encodeURIComponent(o.vhost ?? VHOST)}`;
  const opened: ChannelModel[] = [];
  let node = await startNode(env, urlOf({}));
  const kill = async () => {
    process.kill(await pidOf(folder), "SIGCONT");
    process.kill(await pidOf(folder), "SIGKILL");
    await node.exited;
  };
  return {
    url: urlOf({}),
    urlOf,
    port: ports.amqp,
    pid: () => pidOf(folder),
    ctl: (...args) => ctl(env, args),
    connect: async () => {
      const connection = await connect(urlOf({}));
      connection.on("error", () => {});
      opened.push(connection);
      return connection;
    },
    restart: async () => {
      await kill();
      node = await startNode(env, urlOf({}));
    },
    stop: async () => {
      await Promise.allSettled(opened.map((connection) => connection.close()));
      await kill();
      mapper.kill();
      await mapper.exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

type Environment = Readonly<Record<string, string>>;

async function prepare(
  folder: string,
  ports: { amqp: number; distribution: number; mapper: number },
): Promise<Environment> {
  await mkdir(join(folder, "home"));
  await writeFile(join(folder, "plugins"), "[].");
  await writeFile(join(folder, "definitions.json"), JSON.stringify(definitions()));
  await writeFile(
    join(folder, "rabbitmq.conf"),
    `listeners.tcp.1 = 127.0.0.1:${ports.amqp}\nload_definitions = ${folder}/definitions.json\nheartbeat = 60\n`,
  );
  return {
    PATH: process.env["PATH"] ?? "",
    LANG: "C.UTF-8",
    HOME: join(folder, "home"),
    ERL_EPMD_PORT: String(ports.mapper),
    ERL_EPMD_ADDRESS: "127.0.0.1",
    RABBITMQ_NODENAME: `test${ports.amqp}@localhost`,
    RABBITMQ_DIST_PORT: String(ports.distribution),
    RABBITMQ_MNESIA_BASE: join(folder, "data"),
    RABBITMQ_LOG_BASE: join(folder, "log"),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, "plugins"),
    RABBITMQ_CONFIG_FILE: join(folder, "rabbitmq.conf"),
    RABBITMQ_PID_FILE: join(folder, "pid"),
    RABBITMQ_CONF_ENV_FILE: join(folder, "none"),
    // Idle schedulers must not burn the processors of the machine that tests.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none",
  };
}

function definitions() {
  const permissions = { configure: ".*", write: ".*", read: ".*" };
  return {
    users: [
      { name: "test", password: PASSWORD, tags: ["administrator"], limits: {} },
      { name: LIMITED_USER, password: PASSWORD, tags: [], limits: {} },
    ],
    vhosts: [{ name: VHOST }, { name: "other" }],
    permissions: [
      ...[VHOST, "other"].map((vhost) => ({ user: "test", vhost, ...permissions })),
      { user: LIMITED_USER, vhost: VHOST, ...permissions, configure: "^$" },
    ],
  };
}

function quietly(env: Environment) {
  return { env: { ...env }, stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;
}

async function startNode(env: Environment, url: string): Promise<Bun.Subprocess> {
  const node = Bun.spawn([join(BIN, "rabbitmq-server")], quietly(env));
  await eventually(
    "RabbitMQ takes connections",
    async () => {
      if (node.exitCode !== null) throw new Error(`RabbitMQ ended with ${node.exitCode}`);
      const connection = await connect(url, { timeout: 5_000 });
      connection.on("error", () => {});
      await connection.close();
      return true;
    },
    READY_WITHIN_MS,
  );
  return node;
}

async function pidOf(folder: string): Promise<number> {
  return Number(await readFile(join(folder, "pid"), "utf8"));
}

async function ctl(env: Environment, args: readonly string[]): Promise<string> {
  const child = Bun.spawn([join(BIN, "rabbitmqctl"), "--quiet", ...args], {
    env: { ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [output, problems, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(`Cannot run rabbitmqctl ${args.join(" ")}: ${problems}`);
  return output;
}

function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}
