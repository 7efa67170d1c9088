/** Numbers as people read them: sizes in decimal units (as disks and networks are sold), times relative to now. */

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"] as const;

/** `1234567` → `1.2 MB`: three significant digits at most, whole bytes exact. */
export function humanSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

const SPANS = [
  ["d", 86_400],
  ["h", 3600],
  ["min", 60],
  ["s", 1],
] as const;

/** `5025` → `1 h 23 min`: the two largest units. */
export function humanSpan(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const first = SPANS.findIndex(([, length]) => whole >= length);
  if (first < 0) return "0 s";
  const [unit, length] = SPANS[first] ?? ["s", 1];
  const next = SPANS[first + 1];
  const rest = next ? Math.floor((whole % length) / next[1]) : 0;
  const head = `${Math.floor(whole / length)} ${unit}`;
  return next && rest > 0 ? `${head} ${rest} ${next[0]}` : head;
}

/** `5 min ago`, `in 2 d 3 h`, or a dash where there is no time. */
export function humanTime(time: string | undefined, now: Date): string {
  if (!time) return "-";
  const seconds = (Date.parse(time) - now.getTime()) / 1000;
  if (Number.isNaN(seconds)) return time;
  if (Math.abs(seconds) < 1) return "now";
  return seconds < 0 ? `${humanSpan(-seconds)} ago` : `in ${humanSpan(seconds)}`;
}

/** `1 file`, `2 files`, `12 345 files`. */
export function counted(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** Digits in groups of three, by a space. */
export function grouped(count: number): string {
  return String(count).replaceAll(/\B(?=(\d{3})+$)/g, " ");
}
