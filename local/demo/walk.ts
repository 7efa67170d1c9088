/** The steps of the demo, each told in a line: what a user and an administrator would do, through the same doors. */
import { join, relative } from "node:path";
import { importStac } from "#catalog/import/stac.ts";
import { type RestClient, restClient, signIn } from "#cli/client/rest.ts";
import { contents, followOrder } from "#cli/commands/order/follow.ts";
import { downloadOrder } from "#cli/download/order-archive.ts";
import { verifyArchive } from "#cli/download/verify.ts";
import { Failure } from "#cli/failure.ts";
import { counted, humanSize } from "#cli/output/human.ts";
import { isFinal } from "#crds/files.ts";
import { connect, type Db, tenantSchema } from "#store/db.ts";
import { readSettings, writeSetting } from "#store/settings.ts";
import { setPassword, upsertUser } from "#store/users.ts";
import type { LocalConfig } from "../config.ts";
import type { Service } from "../start.ts";
import type { Archive } from "./archive.ts";
import type { WebServer } from "./web-server.ts";

const USER = "demo@example.org";
const QUERY = 'platform:"skua-1" AND eo:cloud_cover:[0 TO 75]';
/** Small sub-orders, so that several Jobs share the work. */
const SUB_ORDER_FILES = 12;

type Stage = {
  readonly service: Service;
  readonly config: LocalConfig;
  readonly archive: Archive;
  readonly web: WebServer;
};

/** A line on the terminal; results that a script may want are lines without a mark. */
export function say(mark: string, text: string): void {
  const colour = process.stdout.isTTY && !process.env["NO_COLOR"];
  const code = mark === "✗" ? "31" : "32";
  process.stdout.write(`${colour ? `\u001b[${code}m${mark}\u001b[0m` : mark} ${text}\n`);
}

export async function walk(stage: Stage): Promise<void> {
  const { service, config, archive, web } = stage;
  const began = performance.now();
  say(
    "✓",
    `service ready at ${service.url} (Kubernetes: kubectl --kubeconfig ${relative(".", config.kubeconfig)} get orders)`,
  );
  const password = await prepare(stage);
  const size = [...archive.files.values()].reduce((sum, file) => sum + file.bytes.byteLength, 0);
  const about = `${counted(archive.products, "product")} in ${counted(archive.collections.length, "dataset")}, ${humanSize(size)}`;
  say("✓", `archive at ${web.url} catalogued: ${about}`);
  const session = await signIn({
    url: service.url,
    tenant: config.tenant,
    user: USER,
    password,
    now: () => new Date(),
  });
  const rest = restClient(session);
  say("✓", `signed in as ${USER}`);
  const { orderId } = await rest.apply({ queries: [QUERY] });
  say("✓", `order ${orderId} granted for  ${QUERY}`);
  await fetchAndCheck(rest, orderId, stage);
  say("✓", `done in ${((performance.now() - began) / 1000).toFixed(1)} s`);
  process.stdout.write(`archive ${relative(".", archivePath(config, orderId))}\n`);
}

const archivePath = (config: LocalConfig, orderId: number) => join(config.home, `order_${orderId}.zip`);

async function fetchAndCheck(rest: RestClient, orderId: number, { config, archive }: Stage): Promise<void> {
  const order = await followOrder(rest, orderId, { until: ({ status }) => isFinal(status) });
  if (order.status !== "DONE") throw new Failure(`Order ${orderId} ended as ${order.status}`);
  const { files, size } = contents(order);
  say("✓", `${counted(files, "file")} (${humanSize(size)}) fetched over HTTP by Jobs`);
  const path = archivePath(config, orderId);
  await downloadOrder(rest, orderId, { path });
  const known = [...archive.files.values()].map((file) => ({
    filename: file.path.split("/").at(-1) ?? "",
    checksum: file.sha256,
  }));
  const verdict = await verifyArchive(path, { files: known });
  const all = verdict.problems.length === 0 && verdict.checksums === verdict.entries && verdict.entries === files;
  if (!all)
    throw new Failure(`The archive is not what was ordered: ${verdict.problems.join("; ") || "files are missing"}`);
  say("✓", `archive downloaded: every one of ${counted(verdict.checksums, "file")} has the catalogue's SHA-256`);
}

/** What an administrator does first: a user, the catalogue, and leave to fetch from this one server on the loopback. */
async function prepare({ service, config, archive, web }: Stage): Promise<string> {
  const password = crypto.randomUUID();
  const db = connect(service.databaseUrl, { schema: tenantSchema(config.tenant), max: 2, application: "demo" });
  try {
    await upsertUser(db, { email: USER, role: "REGISTERED_USER", groups: [], active: true });
    await setPassword(db, USER, password);
    await writeSetting(db, "sub_order_max_files", SUB_ORDER_FILES);
    await allowNetwork(db, web.host);
    for (const path of archive.collections) await importStac(db, `${web.url}${path}`);
  } finally {
    await db.end();
  }
  return password;
}

async function allowNetwork(db: Db, host: string): Promise<void> {
  const { allowed_private_networks: before } = await readSettings(db);
  const others = before.filter((entry) => !entry.startsWith("127.0.0.1:"));
  await writeSetting(db, "allowed_private_networks", [...others, host]);
}
