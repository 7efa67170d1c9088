/**
 * The tenant's configuration as a file that another tenant can be given (G1; rs-order.md §8.2): one module, `order`, with every setting.
 * Values stand in it as JSON in a string, as the contract's service writes them. What a file says wrong is reported item by item, and
 * the rest of it is taken, all in one transaction.
 */
import type { Db } from "#store/db.ts";
import {
  checkSetting,
  readSettings,
  SETTING_NAMES,
  SETTINGS,
  SettingError,
  type SettingName,
  writeSettings,
} from "#store/settings.ts";
import { MAX_BODY_BYTES } from "../http/body.ts";
import type { Handler } from "../http/call.ts";
import { formPart } from "../http/multipart.ts";
import { HttpProblem } from "../http/problem.ts";
import { json, respond } from "../http/respond.ts";

const ITEM_KEY = "fr.cnes.regards.framework.modules.tenant.settings.domain.DynamicTenantSetting";
const MODULE = "order";

export type ConfigurationDeps = { readonly db: Db; readonly version: string };

/** The configuration as a file to save. */
export function exportConfiguration(deps: ConfigurationDeps): Handler {
  return async () => {
    const settings = await readSettings(deps.db);
    const configuration = SETTING_NAMES.map((name) => ({ key: ITEM_KEY, value: item(name, settings[name]) }));
    const module = { module: moduleInformation(deps.version), resetBeforeImport: true, configuration };
    return json(
      200,
      { microservice: "rs-order", modules: [module] },
      { "content-disposition": 'attachment; filename="config-rs-order.json"' },
    );
  };
}

/** 201 when all of it was taken, 206 with a report when some, 409 with a report when nothing was, and then nothing is changed. */
export function importConfiguration(deps: ConfigurationDeps): Handler {
  return async ({ request }) => {
    const { values, errors, reset } = readConfiguration(await uploaded(request));
    const report = [
      { moduleInformation: moduleInformation(deps.version), importErrors: errors, onlyErrors: values.size === 0 },
    ];
    if (values.size === 0 && errors.length > 0) throw new HttpProblem(409, errors, {}, { body: report });
    await writeSettings(deps.db, values, { reset });
    return errors.length > 0 ? json(206, report) : respond(201, null);
  };
}

function moduleInformation(version: string) {
  return {
    id: MODULE,
    name: "Order module",
    description: "Handle users products orders",
    version,
    author: "REGARDS",
    legalOwner: "CNES",
  };
}

function item(name: SettingName, value: unknown) {
  const { description, default: defaultValue } = SETTINGS[name];
  return {
    name,
    description,
    value: JSON.stringify(value),
    defaultValue: JSON.stringify(defaultValue),
    className: className(name, defaultValue),
    containsSensitiveParameters: false,
  };
}

/** The Java class that the contract's own tools expect of such a value. */
function className(name: SettingName, value: unknown): string {
  if (name === "user_order_parameters") return "fr.cnes.regards.modules.order.service.settings.UserOrderParameters";
  if (typeof value === "number") return value > 2 ** 31 - 1 ? "java.lang.Long" : "java.lang.Integer";
  if (typeof value === "boolean") return "java.lang.Boolean";
  if (typeof value === "string") return "java.lang.String";
  return Array.isArray(value) ? "java.util.List" : "java.util.Map";
}

type Configuration = {
  readonly values: ReadonlyMap<SettingName, unknown>;
  readonly errors: readonly string[];
  readonly reset: boolean;
};

/** What the file asks for. Items of other modules are not ours to take; a value that is no JSON text is taken as it stands. */
export function readConfiguration(document: unknown): Configuration {
  const modules = listAt(document, "modules");
  const ours = modules.filter((module) => property(property(module, "module"), "id") === MODULE);
  const values = new Map<SettingName, unknown>();
  const errors: string[] = ours.length === 0 ? [`Cannot import: no module '${MODULE}' in the configuration`] : [];
  for (const [index, entry] of ours.flatMap((module) => listAt(module, "configuration")).entries()) {
    const value = property(entry, "value");
    const name = property(value, "name");
    try {
      if (typeof name !== "string") throw new SettingError("", `configuration[${index}].value.name: expected a name`);
      const wanted = parsed(property(value, "value"));
      values.set(checkSetting(name, wanted), wanted);
    } catch (error) {
      if (!(error instanceof SettingError)) throw error;
      errors.push(error.message);
    }
  }
  return { values, errors, reset: ours.some((module) => property(module, "resetBeforeImport") === true) };
}

function parsed(value: unknown): unknown {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

function property(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined;
}

function listAt(value: unknown, name: string): readonly unknown[] {
  const list = property(value, name);
  return Array.isArray(list) ? list : [];
}

async function uploaded(request: Request): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of formPart(request, "file", { maxBytes: MAX_BODY_BYTES })) chunks.push(chunk);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks)));
  } catch {
    throw new HttpProblem(400, ["Cannot read the file: not JSON in UTF-8"]);
  }
}
