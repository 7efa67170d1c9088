/**
 * The tenant's configuration as a file that another tenant can be given (G1; rs-order.md §8.2): a module with every setting, and one with the
 * routes whose role was changed. Values stand in it as JSON in a string, as the contract's service writes them. What a file says wrong is reported
 * item by item, and the rest of it is taken, all in one transaction.
 */
import type { Logger } from "pino";
import type { Db } from "#store/db.ts";
import { MAX_BODY_BYTES } from "../http/body.ts";
import type { Handler } from "../http/call.ts";
import { formPart } from "../http/multipart.ts";
import { HttpProblem } from "../http/problem.ts";
import { json, respond } from "../http/respond.ts";
import { CONFIGURATION_MODULES, type ConfigurationModule, type Item } from "./configuration-modules.ts";

export type ConfigurationDeps = { readonly db: Db; readonly version: string; readonly logger: Logger };

/** The configuration as a file to save. */
export function exportConfiguration({ db, version }: ConfigurationDeps): Handler {
  return async () => {
    const modules = CONFIGURATION_MODULES.map(async (module) => ({
      module: moduleInformation(module, version),
      resetBeforeImport: true,
      configuration: (await module.items(db)).map((item) => ({ key: module.key, value: shown(item) })),
    }));
    return json(
      200,
      { microservice: "rs-order", modules: await Promise.all(modules) },
      { "content-disposition": 'attachment; filename="config-rs-order.json"' },
    );
  };
}

/** 201 when all of it was taken, 206 with a report when some, 409 with a report when nothing was, and then nothing is changed. */
export function importConfiguration({ db, version, logger }: ConfigurationDeps): Handler {
  return async ({ request, principal }) => {
    const wishes = readConfiguration(await uploaded(request));
    const report = wishes.map(({ module, values, errors }) => ({
      moduleInformation: moduleInformation(module, version),
      importErrors: errors,
      onlyErrors: values.size === 0 && errors.length > 0,
    }));
    const errors = wishes.flatMap((wish) => wish.errors);
    const taken = wishes.filter(({ values, errors }) => values.size > 0 || errors.length === 0);
    if (taken.length === 0) throw new HttpProblem(409, errors, {}, { body: report });
    await db.begin(async (sql) => {
      for (const { module, values, reset } of taken) await module.write(sql, values, { reset });
    });
    for (const { module, values, reset } of taken) {
      const items = [...values.keys()];
      logger.warn({ module: module.id, items, reset, user: principal.email }, "a configuration was imported");
    }
    return errors.length > 0 ? json(206, report) : respond(201, null);
  };
}

function moduleInformation({ id, name, description }: ConfigurationModule, version: string) {
  return { id, name, description, version, author: "REGARDS", legalOwner: "CNES" };
}

function shown({ value, defaultValue, ...item }: Item) {
  return {
    ...item,
    value: JSON.stringify(value),
    defaultValue: JSON.stringify(defaultValue),
    containsSensitiveParameters: false,
  };
}

/** What a file asks of one module. */
type Wish = {
  readonly module: ConfigurationModule;
  readonly values: ReadonlyMap<string, unknown>;
  readonly errors: readonly string[];
  /** What is not named goes back to its default. */
  readonly reset: boolean;
};

/** Modules of other services are not ours to take, but a file with none of ours is not meant for us. */
function readConfiguration(document: unknown): readonly Wish[] {
  const wishes = CONFIGURATION_MODULES.flatMap((module) => {
    const named = listAt(document, "modules").filter((one) => property(property(one, "module"), "id") === module.id);
    return named.length === 0 ? [] : [wishOf(module, named)];
  });
  const [main] = CONFIGURATION_MODULES;
  if (wishes.length > 0 || !main) return wishes;
  const error = `Cannot import: no module '${main.id}' in the configuration`;
  return [{ module: main, values: new Map(), errors: [error], reset: false }];
}

/** A value that is no JSON text is taken as it stands. */
function wishOf(module: ConfigurationModule, named: readonly unknown[]): Wish {
  const values = new Map<string, unknown>();
  const errors: string[] = [];
  for (const [index, entry] of named.flatMap((one) => listAt(one, "configuration")).entries()) {
    const value = property(entry, "value");
    const name = property(value, "name");
    const wanted = parsed(property(value, "value"));
    const problem =
      typeof name === "string" ? module.problem(name, wanted) : `configuration[${index}].value.name: expected a name`;
    if (problem !== undefined) errors.push(problem);
    else values.set(String(name), wanted);
  }
  return { module, values, errors, reset: named.some((one) => property(one, "resetBeforeImport") === true) };
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
