/** What tells of orders by mail and webhook as a process of its own, for tests that kill it or run several. */
import pino from "pino";
import { readMailConfig } from "#api/notify/mail/config.ts";
import { startNotifier } from "#api/notify/start.ts";
import { connect } from "#store/db.ts";
import { PREFIX, PUBLIC_URL, SECRET } from "./notify-world.ts";

const [databaseUrl = "", schema = ""] = process.argv.slice(2);
const db = connect(databaseUrl, { schema, application: `notifier ${process.pid}` });
const mail = readMailConfig(process.env);
const notifier = startNotifier({
  db,
  config: { tenant: "default", publicUrl: PUBLIC_URL, prefix: PREFIX, jwtSecret: SECRET },
  ...(mail && { mail }),
  now: () => new Date(),
  random: Math.random,
  logger: pino({ level: "silent" }),
  signal: new AbortController().signal,
});
process.stdout.write("ready\n");
await notifier.stopped;
