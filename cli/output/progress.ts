/**
 * One progress bar on stderr where that is a terminal; elsewhere a line now and then, so that logs stay readable.
 * stdout is left to results, which may be piped.
 */
import { Presets, SingleBar } from "cli-progress";
import { humanSize } from "./human.ts";

export type Progress = {
  /** `done` of `total`, with a few words on what goes on. */
  update(done: number, total: number, note?: string): void;
  stop(): void;
};

const LINE_EVERY_MS = 5000;

/** `unit` says how counts are written: bytes as human sizes, percent as such. */
export function progressBar(title: string, unit: "bytes" | "percent"): Progress {
  return process.stderr.isTTY ? bar(title, unit) : lines(title, unit);
}

function written(value: number, unit: "bytes" | "percent"): string {
  return unit === "bytes" ? humanSize(value) : `${Math.round(value)} %`;
}

function amount(done: number, total: number, unit: "bytes" | "percent"): string {
  return unit === "bytes" ? `${humanSize(done)} of ${humanSize(total)}` : written(done, unit);
}

function bar(title: string, unit: "bytes" | "percent"): Progress {
  const shown = new SingleBar(
    {
      format: `${title}  {bar}  {amount}  {note}`,
      hideCursor: true,
      clearOnComplete: false,
      barsize: 30,
      stream: process.stderr,
      gracefulExit: true,
    },
    Presets.shades_classic,
  );
  shown.start(1, 0, { amount: "", note: "" });
  return {
    update(done, total, note = "") {
      shown.setTotal(Math.max(total, 1));
      shown.update(Math.min(done, Math.max(total, 1)), { amount: amount(done, total, unit), note });
    },
    stop: () => shown.stop(),
  };
}

function lines(title: string, unit: "bytes" | "percent"): Progress {
  let last = performance.now();
  return {
    update(done, total, note = "") {
      const now = performance.now();
      if (now - last < LINE_EVERY_MS && done < total) return;
      if (done >= total && total === 0) return;
      last = now;
      process.stderr.write(`${[title, amount(done, total, unit), note].filter(Boolean).join("  ")}\n`);
    },
    stop() {},
  };
}
