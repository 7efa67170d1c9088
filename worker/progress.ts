/** What the log says while a sub-order is worked on: its beginning, each problem, how far it is every few seconds, a summary at the end. */
import type { Logger } from "pino";
import type { FileResult, WorkFile } from "#store/files.ts";
import type { FetchPolicy } from "./fetch/policy.ts";

/** A sub-order with few files gets a line for each; with many, only large files do. */
const FEW_FILES = 100;
const LARGE_BYTES = 16 * 1024 * 1024;

export type ProgressOptions = {
  /** Files that are pending. */
  readonly files: number;
  readonly logger: Logger;
  readonly now: () => Date;
  readonly policy: Pick<FetchPolicy, "progressMs">;
};

export class Progress {
  readonly #options: ProgressOptions;
  readonly #running = new Map<number, string>();
  readonly #started: number;
  #timer: ReturnType<typeof setInterval> | undefined;
  #available = 0;
  #failed = 0;
  #bytes = 0;
  notReady = 0;

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#started = options.now().getTime();
  }

  start(): void {
    const { logger, files, policy } = this.#options;
    logger.info({ files }, "sub-order begins");
    this.#timer = setInterval(() => {
      logger.info({ ...this.summary(), now: [...this.#running.values()] }, "fetching");
    }, policy.progressMs);
  }

  end(): void {
    clearInterval(this.#timer);
  }

  begin(file: WorkFile): void {
    this.#running.set(file.id, file.filename);
  }

  drop(file: WorkFile): void {
    this.#running.delete(file.id);
  }

  finish(file: WorkFile, result: FileResult): void {
    const { logger, files } = this.#options;
    this.drop(file);
    const about = { file: file.id, filename: file.filename };
    switch (result.kind) {
      case "available": {
        this.#available++;
        this.#bytes += result.size;
        const level = files <= FEW_FILES || result.size >= LARGE_BYTES ? "info" : "debug";
        logger[level]({ ...about, bytes: result.size, sha256: result.sha256 }, "file is there");
        return;
      }
      case "failed":
        this.#failed++;
        logger.warn({ ...about, reason: result.error }, "file failed");
        return;
      case "notReady":
        this.notReady++;
        logger.info({ ...about, retryAfter: result.retryAfter, reason: result.reason }, "file is not ready yet");
        return;
      default:
        result satisfies never;
    }
  }

  summary() {
    const seconds = Math.max((this.#options.now().getTime() - this.#started) / 1000, 0.001);
    return {
      files: this.#options.files,
      available: this.#available,
      failed: this.#failed,
      notReady: this.notReady,
      bytes: this.#bytes,
      seconds: Math.round(seconds * 10) / 10,
      bytesPerSecond: Math.round(this.#bytes / seconds),
    };
  }
}
