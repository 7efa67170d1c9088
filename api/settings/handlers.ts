/** The tenant's settings (S1–S3): the contract's three and our own, all in one form. A change holds for what is done from then on. */
import type { Db } from "#store/db.ts";
import {
  readSettings,
  resetSetting,
  SETTING_NAMES,
  SETTINGS,
  SettingError,
  type SettingName,
  type Settings,
  writeSetting,
} from "#store/settings.ts";
import type { Call, Handler } from "../http/call.ts";
import { HttpProblem } from "../http/problem.ts";
import { json, wrap } from "../http/respond.ts";

export type SettingDeps = {
  readonly db: Db;
  /** Public address of the service with its prefix. */
  readonly base: string;
};

type ShownDeps = SettingDeps & { readonly reader: Pick<Call, "mayCall"> };

/** S1. Names that are none are passed over, as in the service that clients know. */
export function listSettings(deps: SettingDeps): Handler {
  return async (call) => {
    const names = call.query.getAll("names").flatMap((list) => list.split(",").map((name) => name.trim()));
    const wanted = SETTING_NAMES.filter((name) => names.length === 0 || names.includes(name));
    const settings = await readSettings(deps.db);
    return json(
      200,
      wanted.map((name) => shown({ ...deps, reader: call }, settings, name)),
    );
  };
}

/** S2. Of the body only `value` counts. */
export function updateSetting(deps: SettingDeps): Handler {
  return async (call) => {
    const name = settingName(call);
    const { body } = call;
    const value: unknown = typeof body === "object" && body !== null ? Reflect.get(body, "value") : undefined;
    if (value === undefined) throw new HttpProblem(422, ["value: missing"]);
    try {
      await writeSetting(deps.db, name, value);
    } catch (error) {
      if (error instanceof SettingError) throw new HttpProblem(422, [error.message]);
      throw error;
    }
    return json(200, shown({ ...deps, reader: call }, await readSettings(deps.db), name));
  };
}

/** S3. */
export function resetSettingToDefault(deps: SettingDeps): Handler {
  return async (call) => {
    const name = settingName(call);
    await resetSetting(deps.db, name);
    return json(200, shown({ ...deps, reader: call }, await readSettings(deps.db), name));
  };
}

function settingName({ params }: Call): SettingName {
  const name = params["name"] ?? "";
  const known = SETTING_NAMES.find((candidate) => candidate === name);
  if (known === undefined) throw new HttpProblem(404, [`Cannot find setting '${name.slice(0, 64)}'`]);
  return known;
}

function shown({ base, reader }: ShownDeps, settings: Settings, name: SettingName) {
  const { description, default: defaultValue } = SETTINGS[name];
  const value = settings[name];
  const href = `${base}/settings/${name}`;
  return wrap({ name, description, defaultValue, value }, [
    { rel: "self", href: `${base}/settings?names=${name}` },
    ...(reader.mayCall("updateSetting") ? [{ rel: "update", href }] : []),
    ...(reader.mayCall("resetSetting") && !Bun.deepEquals(value, defaultValue) ? [{ rel: "reset", href }] : []),
  ]);
}
