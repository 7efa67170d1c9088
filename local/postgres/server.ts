/**
 * A real PostgreSQL server for one home folder: made at the first start, started in a few dozen milliseconds afterwards.
 * It runs in a session of its own, so that Ctrl-C in a terminal reaches `start` alone, which stops the server last.
 * The caller holds the home's lock (home-lock.ts): whatever server is found running is a leftover and is stopped first.
 */
import { closeSync, mkdirSync, openSync, readFileSync, realpathSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../free-port.ts";
import { type Binaries, findBinaries } from "./binaries.ts";
import { dataFolder, initialize } from "./initialize.ts";
import { databaseUrl, findPlace, type Place, readPlace, writePlace } from "./place.ts";
import { clearLeftovers, isAlive, readPidFile, stopServer } from "./processes.ts";
import { asUser, type ServerUser, serverUser } from "./user.ts";

const READY_MS = 60_000;
const POLL_MS = 4;
const START_ATTEMPTS = 5;
const LOG_BYTES = 16 * 1024 * 1024;

const SETTINGS = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  max_connections: "200",
  shared_buffers: "256MB",
  wal_level: "minimal",
  max_wal_senders: "0",
  max_wal_size: "2GB",
  checkpoint_timeout: "15min",
  jit: "off",
  log_timezone: "UTC",
  timezone: "UTC",
} as const;

/** For tests only: a power cut may lose everything. */
const NOT_DURABLE = { fsync: "off", synchronous_commit: "off", full_page_writes: "off" } as const;

export type Postgres = {
  readonly url: string;
  readonly pid: number;
  /** What was found of an earlier server: nothing, one that still ran and was stopped, or the traces of a dead one. */
  readonly found: "nothing" | "stopped" | "stale";
  /** Settles when the server has ended, by `stop` or by itself. */
  readonly exited: Promise<unknown>;
  stop(): Promise<void>;
};

/** Starts the server of `home`. `durable: false` is for tests. */
export async function startPostgres(options: { home: string; durable?: boolean }): Promise<Postgres> {
  const { durable = true } = options;
  mkdirSync(options.home, { recursive: true, mode: 0o711 });
  const home = realpathSync(options.home);
  const user = serverUser();
  const binaries = findBinaries(user);
  const decided = findPlace(home, user);
  await initialize(decided, { binaries, user, durable });
  const found = await clearLeftovers(dataFolder(decided));
  for (let attempt = 1; ; attempt++) {
    const place = { ...decided, port: await freePort("127.0.0.1", attempt === 1 ? decided.port : 0) };
    const started = await launch(place, { binaries, user, durable });
    if (started.kind === "ready") {
      writePlace(home, place);
      const { pid, exited } = started;
      return { url: databaseUrl(place), pid, found, exited, stop: () => stopServer(pid) };
    }
    if (attempt === START_ATTEMPTS) throw new Error(`Cannot start PostgreSQL: ${started.log}`);
    await clearLeftovers(dataFolder(place));
  }
}

/** Address of the server of `home` when one runs and takes connections. */
export function runningPostgres(home: string): string | undefined {
  const place = readPlace(home);
  if (!place) return undefined;
  const file = readPidFile(dataFolder(place));
  if (!file?.ready || !isAlive(file.pid)) return undefined;
  return databaseUrl({ ...place, port: file.port });
}

type Launched =
  | { readonly kind: "ready"; readonly pid: number; readonly exited: Promise<unknown> }
  | { readonly kind: "failed"; readonly log: string };

async function launch(
  place: Place,
  o: { binaries: Binaries; user: ServerUser | undefined; durable: boolean },
): Promise<Launched> {
  const data = dataFolder(place);
  const settings = { ...SETTINGS, ...(o.durable ? {} : NOT_DURABLE), port: String(place.port) };
  const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const run = asUser([o.binaries.postgres, "-D", data, ...flags], o.user, { dieWithParent: true });
  const logFile = join(place.folder, "server.log");
  const log = openLog(logFile);
  const logStart = statSync(logFile).size;
  const child = Bun.spawn([...run.command], {
    cwd: "/",
    env: { PATH: process.env["PATH"] ?? "", LC_ALL: "C", TZ: "UTC" },
    stdin: "ignore",
    stdout: log,
    stderr: log,
    detached: true,
    ...(run.uid !== undefined && { uid: run.uid }),
    ...(run.gid !== undefined && { gid: run.gid }),
  });
  closeSync(log);
  const end = performance.now() + READY_MS;
  while (child.exitCode === null && child.signalCode === null) {
    const file = readPidFile(data);
    if (file?.pid === child.pid && file.ready) return { kind: "ready", pid: child.pid, exited: child.exited };
    if (performance.now() > end) await stopServer(child.pid);
    await Bun.sleep(POLL_MS);
  }
  return { kind: "failed", log: readFileSync(logFile, "utf8").slice(logStart).trim().slice(-2000) };
}

function openLog(file: string): number {
  try {
    if (statSync(file).size > LOG_BYTES) renameSync(file, `${file}.old`);
  } catch {
    // No log yet.
  }
  return openSync(file, "a", 0o600);
}
