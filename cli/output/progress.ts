/**
 * One progress bar on stderr where that is a terminal; elsewhere a line now and then, so that logs stay readable.
 * stdout is left to results, which may be piped.
 */
import { Presets, SingleBar } from "cli-progress";
import { humanSize } from "./human.ts";

export type Progress = {
  /** `done` of `total`, undefined where it is not known, with a few words on what goes on. */
  update(done: number, total: number | undefined, note?: string): void;
  stop(): void;
};

const LINE_EVERY_MS = 5000;

/** `unit` says how counts are written: bytes as human sizes, percent as such. */
export function progressBar(title: string, unit: "bytes" | "percent"): Progress {
  return process.stderr.isTTY ? bar(title, unit) : progressLines(title, { unit, everyMs: LINE_EVERY_MS });
}

function written(value: number, unit: "bytes" | "percent"): string {
  return unit === "bytes" ? humanSize(value) : `${Math.round(value)} %`;
}

function amount(done: number, total: number | undefined, unit: "bytes" | "percent"): string {
  return unit === "bytes" && total !== undefined ? `${humanSize(done)} of ${humanSize(total)}` : written(done, unit);
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
      const whole = Math.max(total ?? Number.POSITIVE_INFINITY, 1);
      shown.setTotal(whole);
      shown.update(Math.min(done, whole), { amount: amount(done, total, unit), note });
    },
    stop: () => shown.stop(),
  };
}

/** For where no bar can be drawn. */
export function progressLines(title: string, o: { unit: "bytes" | "percent"; everyMs: number }): Progress {
  let last = performance.now();
  return {
    update(done, total, note = "") {
      const now = performance.now();
      if (now - last < o.everyMs && (total === undefined || done < total)) return;
      if (total === 0) return;
      last = now;
      process.stderr.write(`${[title, amount(done, total, o.unit), note].filter(Boolean).join("  ")}\n`);
    },
    stop() {},
  };
}
