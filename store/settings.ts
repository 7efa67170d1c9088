/**
 * The settings of the tenant: one registry with type, default, bounds and description of each. A stored value stands for its default
 * only; what is stored but no longer allowed (a newer program wrote it, bounds changed) counts as not stored.
 */
import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { ROLES, type Role } from "#crds/files.ts";
import { type Db, jsonb, type Transaction } from "./db.ts";
import { MAIL_KINDS } from "./notifications/kinds.ts";
import { NOTICE_KINDS } from "./orders/message-kinds.ts";
import type { Channel } from "./orders/rows.ts";
import { STORABLE, unstorablePath } from "./storable.ts";

type SettingOptions = { readonly description: string; readonly default: unknown };

function whole(bounds: { minimum: number; maximum: number }, options: SettingOptions & { default: number }) {
  return Type.Integer({ ...bounds, ...options });
}

function words<const V extends readonly string[]>(values: V, options: SettingOptions & { default: V[number] }) {
  return Type.Unsafe<V[number]>(Type.String({ ...options, pattern: `^(${values.join("|")})$`, enum: [...values] }));
}

/** Any of these words, each once. */
function choice<const V extends readonly string[]>(
  values: V,
  options: SettingOptions & { default: readonly V[number][] },
) {
  const word = Type.Unsafe<V[number]>(Type.String({ pattern: `^(${values.join("|")})$`, enum: [...values] }));
  return Type.Array(word, { ...options, maxItems: values.length, uniqueItems: true });
}

function texts(options: SettingOptions & { default: readonly string[] }) {
  return Type.Array(Type.String({ minLength: 1, maxLength: 1024 }), { ...options, maxItems: 1000, uniqueItems: true });
}

const CHANNELS = ["rest", "amqp", "kubectl", "delivery"] as const satisfies readonly Channel[];
const HOURS = { minimum: 0, maximum: 1_000_000 };
const BYTES = { minimum: 0, maximum: Number.MAX_SAFE_INTEGER };
/** The contract's: -1 is no limit. */
const LIMIT = { minimum: -1, maximum: Number.MAX_SAFE_INTEGER };
const COUNT = { minimum: 1, maximum: 1_000_000 };

/** Every setting by its name; the first three are the contract's (rs-order.md §8.1), described in its words. */
export const SETTINGS = {
  expiration_max_duration_in_hours: whole(
    { ...HOURS, minimum: 1 },
    { default: 168, description: "Order expiration duration maximal (in hours)" },
  ),
  app_sub_order_duration: whole(HOURS, {
    default: 2,
    description: "Sub order duration for applicative orders (in hours)",
  }),
  user_order_parameters: Type.Object(
    { subOrderDuration: Type.Integer(HOURS), delayBeforeEmailNotification: Type.Integer({ ...HOURS, minimum: 1 }) },
    {
      additionalProperties: false,
      default: { subOrderDuration: 240, delayBeforeEmailNotification: 72 },
      description: "Parameters for User order (in hours)",
    },
  ),
  expiration_notice_hours: whole(HOURS, {
    default: 24,
    description:
      "How long before its expiration an order is told of it (in hours), at most a quarter of its life; 0: not at all",
  }),
  download_gate: words(["Always", "WhenFull", "Never"], {
    default: "WhenFull",
    description: "When the next sub-orders of a user wait until the ready ones are downloaded",
  }),
  gate_sub_orders_per_user: whole(COUNT, {
    default: 2,
    description: "Sub-orders of a user that run or wait for download while the gate holds",
  }),
  max_running_sub_orders: whole(COUNT, { default: 8, description: "Sub-orders that run at the same time" }),
  max_running_sub_orders_per_user: whole(COUNT, {
    default: 4,
    description: "Sub-orders of one user that run at the same time",
  }),
  sub_order_max_files: whole(
    { minimum: 1, maximum: 100_000 },
    { default: 5000, description: "Files in one sub-order" },
  ),
  sub_order_max_bytes: whole(
    { ...BYTES, minimum: 1 },
    { default: 104_857_600, description: "Bytes in one sub-order, unless one file alone has more" },
  ),
  max_source_silence_seconds: whole(
    { minimum: 1, maximum: 31_536_000 },
    { default: 7200, description: "How long a source may say that a file is not ready before the file fails" },
  ),
  blob_space_limit_bytes: whole(BYTES, {
    default: 0,
    description: "Bytes that fetched files may take; 0: what the disk has, less 5 %",
  }),
  allowed_source_schemes: texts({
    default: ["http", "https", "s3", "file"],
    description: "URL schemes from which files are fetched",
  }),
  allowed_source_hosts: texts({ default: ["*"], description: "Hosts from which files are fetched; * stands for any" }),
  allowed_private_networks: texts({
    default: [],
    description: "Private or loopback networks (CIDR) or host:port from which files are fetched all the same",
  }),
  allowed_file_roots: texts({ default: [], description: "Folders below which file: sources may lie" }),
  custom_roles: Type.Record(
    Type.String({ pattern: "^[A-Za-z][A-Za-z0-9_.-]{0,63}$" }),
    Type.Unsafe<Role>(Type.String({ pattern: `^(${ROLES.slice(1).join("|")})$` })),
    {
      additionalProperties: false,
      default: {},
      description: "Roles of the platform that are not built in, and the built-in role that each stands for",
    },
  ),
  // The contract's for rs-delivery (rs-order.md §4.10), told apart from those of orders.
  delivery_request_ttl_hours: whole(
    { ...HOURS, minimum: 1 },
    { default: 12, description: "How long a delivery may take before it is given up (in hours)" },
  ),
  delivery_order_size_limit_bytes: whole(BYTES, {
    default: 5_368_709_120,
    description: "Bytes that the order of a delivery may hold at most",
  }),
  basket_upload_max_lines: whole(
    { minimum: 1, maximum: 10_000 },
    { default: 1000, description: "Ids in a file that is put into a basket" },
  ),
  max_file_bytes: whole(BYTES, { default: 0, description: "Bytes of the largest file that is fetched; 0: no limit" }),
  // The names that the contract's storage service has for them.
  maxQuota: whole(LIMIT, {
    default: -1,
    description: "Stored RAWDATA files that a user without a quota of their own may download, ever; -1: no limit",
  }),
  rateLimit: whole(LIMIT, {
    default: -1,
    description: "Downloads at the same time of a user without a limit of their own; -1: no limit",
  }),
  amqp_notices: choice(NOTICE_KINDS, {
    default: [],
    description: "What is told over AMQP beside the contract's answers, to clients that know such words",
  }),
  mail_kinds: choice(MAIL_KINDS, { default: MAIL_KINDS, description: "Mails that owners of orders get" }),
  mail_channels: choice(CHANNELS, {
    default: ["rest", "kubectl"],
    description: "Ways of ordering after which mails are sent: who orders over AMQP is answered there",
  }),
  allowed_webhook_schemes: choice(["https", "http"], {
    default: ["https"],
    description: "URL schemes of webhooks",
  }),
  allowed_webhook_hosts: texts({ default: ["*"], description: "Hosts of webhooks; * stands for any" }),
  allowed_webhook_networks: texts({
    default: [],
    description: "Private or loopback networks (CIDR) or host:port that webhooks may lie in all the same",
  }),
  notification_retry_hours: whole(
    { minimum: 1, maximum: 720 },
    { default: 72, description: "How long a mail or a message to a webhook is tried before it is given up (in hours)" },
  ),
  webhook_disable_after_hours: whole(
    { minimum: 1, maximum: 8760 },
    { default: 120, description: "How long a webhook may fail before it is switched off (in hours)" },
  ),
  finished_with_warning_status: words(["FAILED", "DONE_WITH_WARNING"], {
    default: "FAILED",
    description: "Status of an ended order in which some files failed",
  }),
} as const satisfies Record<string, TSchema>;

export type SettingName = keyof typeof SETTINGS;
export type Settings = { readonly [N in SettingName]: Static<(typeof SETTINGS)[N]> };

export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];

/** The contract's words for a refused value. */
const REFUSALS: Partial<Record<SettingName, string>> = {
  expiration_max_duration_in_hours: "parameter [expiration max duration] must be a valid positive number.",
  app_sub_order_duration: "parameter [suborder creation] must be a valid positive number",
  user_order_parameters:
    "parameter [user order parameters] must have a valid positive delayBeforeEmailNotification <= subOrderDuration.",
};

/** A value that the setting does not allow, or a name that is none. */
export class SettingError extends Error {
  readonly setting: string;

  constructor(setting: string, message: string) {
    super(message);
    this.name = "SettingError";
    this.setting = setting;
  }
}

/** Why the setting may not have this value; undefined if it may. */
function refusal(name: SettingName, value: unknown): string | undefined {
  const schema = SETTINGS[name];
  const [problem] = Value.Errors(schema, value);
  if (problem) {
    const where = problem.path ? ` at '${problem.path}'` : "";
    const reason = problem.message.slice(0, 1).toLowerCase() + problem.message.slice(1);
    return REFUSALS[name] ?? `Cannot set '${name}': ${reason}${where}`;
  }
  if (unstorablePath(value) !== undefined) return `Cannot set '${name}': ${STORABLE}`;
  if (name === "user_order_parameters") {
    const parameters = value as Settings["user_order_parameters"];
    if (parameters.delayBeforeEmailNotification > parameters.subOrderDuration) return REFUSALS[name];
  }
  return undefined;
}

/** All settings, with defaults where nothing is stored. */
export async function readSettings(db: Db): Promise<Settings> {
  const rows = await db<{ name: string; value: unknown }[]>`SELECT name, value FROM settings`;
  const stored = new Map(rows.map(({ name, value }) => [name, value]));
  const entries = SETTING_NAMES.map((name) => {
    const value = stored.get(name);
    const usable = value !== undefined && refusal(name, value) === undefined;
    return [name, usable ? value : structuredClone(SETTINGS[name].default)];
  });
  return Object.fromEntries(entries) as Settings;
}

/** Stores a value; throws SettingError if there is no such setting or it does not allow the value. */
export async function writeSetting(db: Db | Transaction, name: string, value: unknown): Promise<void> {
  const known = checkSetting(name, value);
  await db`
    INSERT INTO settings (name, value) VALUES (${known}, ${jsonb(db, value)})
    ON CONFLICT (name) DO UPDATE SET value = excluded.value`;
}

/** The name, if there is such a setting and it allows the value; throws SettingError otherwise. */
export function checkSetting(name: string, value: unknown): SettingName {
  const known = settingName(name);
  const problem = refusal(known, value);
  if (problem !== undefined) throw new SettingError(name, problem);
  return known;
}

/** Stores many values; with `reset` every other setting goes back to its default. */
export async function writeSettings(
  sql: Transaction,
  values: ReadonlyMap<string, unknown>,
  o: { readonly reset: boolean },
): Promise<void> {
  if (o.reset) await sql`DELETE FROM settings WHERE NOT name = ANY(${[...values.keys()]}::text[])`;
  for (const [name, value] of values) await writeSetting(sql, name, value);
}

/** Back to the default; throws SettingError if there is no such setting. */
export async function resetSetting(db: Db, name: string): Promise<void> {
  await db`DELETE FROM settings WHERE name = ${settingName(name)}`;
}

function settingName(name: string): SettingName {
  const known = SETTING_NAMES.find((candidate) => candidate === name);
  if (known === undefined) throw new SettingError(name, `Cannot find setting '${name.slice(0, 100)}'`);
  return known;
}
