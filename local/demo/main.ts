/**
 * `npm run demo [-- FOLDER]`: shows the whole thing on an archive of its own (walk.ts), in a folder of its own that may be deleted
 * afterwards. Whenever it is stopped, nothing of it is left running.
 */
import { closeSync, mkdirSync, openSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { explain } from "#cli/failure.ts";
import { readConfig } from "../config.ts";
import { createLogger } from "../logger.ts";
import { aborted, stopSignal } from "../signals.ts";
import { type Service, startLocal } from "../start.ts";
import { makeArchive } from "./archive.ts";
import { say, walk } from "./walk.ts";
import { serveArchive } from "./web-server.ts";

const INTERRUPTED = 130;
/** Before each 64 KiB of a file: a small archive would be over before its progress could be seen. */
const CHUNK_DELAY_MS = 30;

const signal = stopSignal();
const home = resolve(process.argv[2] ?? ".regards-order/demo");
process.exit(await demo(home));

async function demo(folder: string): Promise<number> {
  mkdirSync(folder, { recursive: true, mode: 0o711 });
  const logFile = join(folder, "demo.log");
  const log = openSync(logFile, "a", 0o600);
  let service: Service | undefined;
  const archive = makeArchive();
  const web = serveArchive(archive, { chunkDelayMs: CHUNK_DELAY_MS });
  try {
    const config = readConfig({ home: folder, tenant: "demo", host: "127.0.0.1", port: 0, kubePort: 0 }, {});
    const logger = createLogger({ style: "json", level: process.env["ORDER_LOG_LEVEL"] ?? "info", fd: log });
    service = await startLocal(config, { logger, env: {}, signal });
    await Promise.race([walk({ service, config, archive, web }), aborted(signal)]);
    signal.throwIfAborted();
    return 0;
  } catch (error) {
    const text = signal.aborted ? "Interrupted, stopping…" : `Failed: ${explain(error)}`;
    say("✗", `${text} (log: ${relative(".", logFile)})`);
    return signal.aborted ? INTERRUPTED : 1;
  } finally {
    await service?.stop();
    await web.stop();
    closeSync(log);
  }
}
