/**
 * The log of `start`: one JSON object a line for machines, or a short coloured line for a person at a terminal.
 * Both go to stderr or a file; stdout is for what was asked for.
 */
import { writeSync } from "node:fs";
import { type Logger, pino } from "pino";

export type LogStyle = "human" | "json";

const COLOURS: Readonly<Record<string, string>> = { error: "\u001b[31m", fatal: "\u001b[31m", warn: "\u001b[33m" };
const DIM = "\u001b[2m";
const RESET = "\u001b[0m";
/** Said by the line itself, or of no use to a person. */
const HIDDEN = new Set(["level", "time", "msg", "pid", "hostname", "component", "err"]);

/** Makes the logger; `fd` is where its lines go (2: stderr). */
export function createLogger(o: { style: LogStyle; level: string; fd: number; colour?: boolean }): Logger {
  const write = (text: string) => void writeSync(o.fd, text);
  const options = {
    level: o.level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  if (o.style === "json") return pino(options, { write });
  return pino(options, { write: (line: string) => write(humanLine(line, o.colour === true)) });
}

/** A line of the log as a person reads it: time, what kind if not ordinary, message, details. */
export function humanLine(json: string, colour: boolean): string {
  const record: Record<string, unknown> = JSON.parse(json);
  const level = String(record["level"]);
  const paint = (code: string | undefined, text: string) => (colour && code && text ? `${code}${text}${RESET}` : text);
  const time = new Date(String(record["time"])).toTimeString().slice(0, 8);
  const mark = level === "info" || level === "debug" ? "" : `${level}: `;
  const details = Object.entries(record)
    .filter(([name]) => !HIDDEN.has(name))
    .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`);
  const text = `${paint(COLOURS[level], mark)}${String(record["msg"] ?? "")}${reason(record["err"])}`;
  return `${[paint(DIM, time), text, paint(DIM, details.join(" "))].filter(Boolean).join("  ")}\n`;
}

function reason(error: unknown): string {
  const message = typeof error === "object" && error !== null && "message" in error ? error.message : undefined;
  return message === undefined ? "" : `: ${String(message)}`;
}
