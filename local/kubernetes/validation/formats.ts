/** The string formats that a CustomResourceDefinition may name and that the API server checks; unknown ones are not checked. */
const DATE_TIME = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/;
const DATE = /^\d{4}-\d{2}-\d{2}$/;
const DURATION = /^([+-]?(\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h|d|w))+$/;
const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;
const BASE64 = /^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const EMAIL = /^[^\s@<>]+@[^\s@<>]+$/;

const CHECKS: Readonly<Record<string, (value: string) => boolean>> = {
  "date-time": (value) => DATE_TIME.test(value) && isRealDate(value.slice(0, 10)) && !Number.isNaN(Date.parse(value)),
  date: (value) => DATE.test(value) && isRealDate(value),
  duration: (value) => DURATION.test(value),
  uuid: (value) => UUID.test(value),
  byte: (value) => BASE64.test(value),
  email: (value) => EMAIL.test(value),
  uri: (value) => URL.canParse(value),
};

/** JavaScript rolls the 30th of February over into March; a calendar does not. */
function isRealDate(date: string): boolean {
  const parsed = new Date(`${date}T00:00:00Z`);
  return !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(date);
}

export function hasFormat(value: string, format: string): boolean {
  return CHECKS[format]?.(value) ?? true;
}
