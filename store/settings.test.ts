import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import { testStore } from "#test/support/store.ts";
import { readSettings, resetSetting, SETTINGS, SettingError, writeSetting } from "./settings.ts";

const { db, drop } = await testStore("settings");
afterAll(() => drop());
beforeEach(async () => {
  await db`DELETE FROM settings`;
});

test("SETTINGS describes every setting and allows its default", () => {
  for (const [name, schema] of Object.entries(SETTINGS)) {
    expect({ name, description: schema.description }).toEqual({ name, description: expect.stringMatching(/\S/) });
    expect({ name, allowed: Value.Check(schema, schema.default) }).toEqual({ name, allowed: true });
  }
});

test("readSettings() gives defaults, stored values, and defaults again after a reset", async () => {
  const defaults = await readSettings(db);
  expect(defaults.user_order_parameters).toEqual({ subOrderDuration: 240, delayBeforeEmailNotification: 72 });
  await writeSetting(db, "download_gate", "Never");
  await writeSetting(db, "allowed_file_roots", ["/data", "/more"]);
  await writeSetting(db, "user_order_parameters", { subOrderDuration: 10, delayBeforeEmailNotification: 10 });
  expect(await readSettings(db)).toEqual({
    ...defaults,
    download_gate: "Never",
    allowed_file_roots: ["/data", "/more"],
    user_order_parameters: { subOrderDuration: 10, delayBeforeEmailNotification: 10 },
  });
  for (const name of ["download_gate", "allowed_file_roots", "user_order_parameters"]) await resetSetting(db, name);
  expect(await readSettings(db)).toEqual(defaults);
});

test("readSettings() takes the default for a stored value that is no longer allowed", async () => {
  await db`INSERT INTO settings (name, value) VALUES ('download_gate', '"Sometimes"'), ('from_the_future', '1')`;
  const settings = await readSettings(db);
  expect(settings.download_gate).toBe("WhenFull");
  expect(settings).not.toHaveProperty("from_the_future");
});

const EXPIRATION = "parameter [expiration max duration] must be a valid positive number.";
const APP = "parameter [suborder creation] must be a valid positive number";
const USER =
  "parameter [user order parameters] must have a valid positive delayBeforeEmailNotification <= subOrderDuration.";

describe("writeSetting() refuses", () => {
  const cases: Record<string, { name: string; value: unknown; wantMessage: string }> = {
    "an expiration of zero": { name: "expiration_max_duration_in_hours", value: 0, wantMessage: EXPIRATION },
    "an expiration that is text": { name: "expiration_max_duration_in_hours", value: "1", wantMessage: EXPIRATION },
    "a negative duration": { name: "app_sub_order_duration", value: -1, wantMessage: APP },
    "a delay longer than the sub-order": {
      name: "user_order_parameters",
      value: { subOrderDuration: 10, delayBeforeEmailNotification: 11 },
      wantMessage: USER,
    },
    "a delay of zero": {
      name: "user_order_parameters",
      value: { subOrderDuration: 10, delayBeforeEmailNotification: 0 },
      wantMessage: USER,
    },
    "a word that is none": {
      name: "download_gate",
      value: "Sometimes",
      wantMessage: "Cannot set 'download_gate': expected string to match '^(Always|WhenFull|Never)$'",
    },
    "an unknown name": { name: "constructor", value: 1, wantMessage: "Cannot find setting 'constructor'" },
  };
  for (const [title, { name, value, wantMessage }] of Object.entries(cases)) {
    test(title, async () => {
      const error = await writeSetting(db, name, value).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(SettingError);
      expect((error as SettingError).message).toBe(wantMessage);
      expect(await db`SELECT FROM settings`).toHaveLength(0);
    });
  }
});

test("writeSetting() allows an application duration of zero", async () => {
  await writeSetting(db, "app_sub_order_duration", 0);
  expect((await readSettings(db)).app_sub_order_duration).toBe(0);
});
