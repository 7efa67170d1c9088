/** Reminds owners of files that wait to be downloaded. Looked for now and then: nothing tells that time has passed. */
import type { Logger } from "pino";
import type { Db } from "#store/db.ts";
import { remindOwners } from "#store/reminders.ts";
import { readSettings } from "#store/settings.ts";

export type ReminderPorts = { readonly db: Db; readonly now: () => Date; readonly logger: Logger };

/** What fails is tried again the next time. */
export async function remind({ db, now, logger }: ReminderPorts): Promise<void> {
  try {
    const { delayBeforeEmailNotification: delayHours } = (await readSettings(db)).user_order_parameters;
    const owners = await remindOwners(db, { delayHours, now: now() });
    if (owners > 0) logger.info({ owners }, "Owners are reminded of files that wait");
  } catch (error) {
    logger.warn({ err: error }, "Reminding failed and is tried again");
  }
}
