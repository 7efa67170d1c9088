/**
 * Orders in the store, and what tells of them: in this process on a clock of the test's, or in processes that may be killed. The test plays the
 * operator's part by telling messages.
 */
import { join } from "node:path";
import pino from "pino";
import type { MailConfig } from "#api/notify/mail/config.ts";
import { startNotifier } from "#api/notify/start.ts";
import { findOrder, type MessageKind, type OrderRow, recordProgress } from "#store/orders.ts";
import { writeSetting } from "#store/settings.ts";
import { insertWebhook } from "#store/webhooks.ts";
import { eventually } from "./eventually.ts";
import { newOrder, orderSpec, storedOrder, testStore } from "./store.ts";

export const PREFIX = "/api/v1/rs-order";
export const PUBLIC_URL = "https://archive.example.org";
export const SECRET = "a secret of the tests, long enough for the signature";
export const ADA = "ada@example.org";
/** Of every webhook of these tests. */
export const WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

const PROCESS = join(import.meta.dir, "notifier-process.ts");

export type NotifyWorld = Awaited<ReturnType<typeof notifyWorld>>;

export async function notifyWorld(label: string) {
  const store = await testStore(label);
  const { db } = store;
  const clock = { now: new Date() };
  const now = () => clock.now;
  const running = new Set<() => Promise<void>>();
  await writeSetting(db, "allowed_webhook_schemes", ["http"]);
  await writeSetting(db, "allowed_webhook_networks", ["127.0.0.0/8"]);
  let made = 0;

  const runs = (stop: () => Promise<void>) => {
    const once = async () => {
      if (running.delete(once)) await stop();
    };
    running.add(once);
    return once;
  };

  return {
    ...store,
    clock,
    /** In this process; answers how to stop it. */
    start(o: { readonly mail?: MailConfig } = {}): () => Promise<void> {
      const stopper = new AbortController();
      const notifier = startNotifier({
        db,
        config: { tenant: "default", publicUrl: PUBLIC_URL, prefix: PREFIX, jwtSecret: SECRET },
        ...o,
        now,
        random: Math.random,
        logger: pino({ level: process.env["TEST_LOG_LEVEL"] ?? "silent" }),
        signal: stopper.signal,
      });
      return runs(() => {
        stopper.abort();
        return notifier.stopped;
      });
    },
    /** In a process of its own, ready; `kill` is a power cut. */
    async spawn(env: Readonly<Record<string, string>> = {}) {
      const child = Bun.spawn([process.execPath, PROCESS, store.url, store.schema], {
        env: { ...process.env, ...env },
        stdin: "ignore",
        stdout: "pipe",
        stderr: "inherit",
      });
      const kill = runs(async () => {
        child.kill("SIGKILL");
        await child.exited;
      });
      for await (const chunk of child.stdout) if (new TextDecoder().decode(chunk).includes("ready")) break;
      return { pid: child.pid, kill };
    },
    /** Has the receiver answer, and kills the sender, and what it has said to the database, when it wants to write that down. */
    async killBeforeMark(sender: { pid: number; kill(): Promise<void> }, answer: () => void): Promise<void> {
      const name = `notifier ${sender.pid}`;
      await db.begin(async (sql) => {
        await sql`SELECT FROM notifications FOR UPDATE`;
        answer();
        await eventually("the sender wants to mark it", async () => {
          const waiting =
            await db`SELECT FROM pg_stat_activity WHERE application_name = ${name} AND wait_event_type = 'Lock'`;
          return waiting.count > 0;
        });
        await sender.kill();
        await db`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = ${name}`;
        await eventually("nothing of it is left", async () => {
          const left = await db`SELECT FROM pg_stat_activity WHERE application_name = ${name}`;
          return left.count === 0;
        });
      });
    },
    /** Granted, as is told with it, and resolved. */
    async order(
      changes: { readonly owner?: string; readonly label?: string; readonly onSuccessUrl?: string } = {},
    ): Promise<OrderRow> {
      const { owner = ADA, label = `order ${++made}`, onSuccessUrl } = changes;
      const spec = orderSpec({ owner });
      const page = onSuccessUrl === undefined ? {} : { onSuccessUrl };
      const { id } = await storedOrder(db, newOrder({ owner, label, spec, now: clock.now, ...page }));
      const expires = new Date(clock.now.getTime() + 7 * 24 * 3_600_000);
      await db`
        UPDATE orders SET status = 'RUNNING', resolved_at = ${clock.now}, expiration_time = ${expires}, files_total = 3, files_available = 2
        WHERE id = ${id}`;
      return (await findOrder(db, id)) as OrderRow;
    },
    /** What the operator does: the read model and the message in one statement. */
    async tell(
      row: OrderRow,
      kind: MessageKind,
      o: { readonly key?: string; readonly payload?: object } = {},
    ): Promise<void> {
      const model = {
        ...((await findOrder(db, row.id)) as OrderRow),
        ...(kind === "DONE" && { status: "DONE" as const }),
      };
      const payload = { orderId: row.id, correlationId: row.correlationId, status: kind, ...o.payload };
      await recordProgress(db, row.id, {
        model,
        messages: [{ dedupKey: o.key ?? kind, kind, payload }],
        now: clock.now,
      });
    },
    async webhook(url: string, kinds: readonly MessageKind[] = ["SUBORDER_DONE", "DONE", "FAILED"], owner = ADA) {
      const row = await insertWebhook(db, { url, kinds, owner, secret: WEBHOOK_SECRET }, { most: 100, now: clock.now });
      return row?.id ?? 0;
    },
    /** Lets every pause and claim run out. */
    async later(): Promise<void> {
      await db`UPDATE notifications SET due_at = clock_timestamp() WHERE state = 'waiting'`;
      await db`UPDATE webhooks SET retry_at = clock_timestamp() WHERE retry_at IS NOT NULL`;
    },
    /** What became of every notification, in the order of telling. */
    states: () => db<{ state: string; attempts: number; answer: number | null; lastError: string | null }[]>`
      SELECT state, attempts, answer, last_error FROM notifications ORDER BY message_id, id`,
    /** Waits until nothing waits any more. */
    async settled(): Promise<void> {
      await eventually("every notification has ended", async () => {
        const [row] = await db<{ open: number }[]>`
          SELECT (SELECT count(*) FROM notifications WHERE state = 'waiting') + (SELECT count(*) FROM outbox WHERE NOT routed) AS open`;
        return row?.open === 0;
      });
    },
    async close(): Promise<void> {
      for (const stop of [...running]) await stop();
      await store.drop();
    },
  };
}
