/** Forgets an order for good. Only one that is deleted: its work has stopped by then, and nobody else writes its row any more. */
import type { Db } from "../db.ts";
import { purgeFiles } from "./write.ts";

/** False where it is not there or not deleted. Files go first, so a removal that breaks off is only begun and can be asked for again. */
export async function removeOrder(db: Db, id: number): Promise<boolean> {
  const deleted = await db`SELECT FROM orders WHERE id = ${id} AND status = 'DELETED'`;
  if (deleted.count === 0) return false;
  await purgeFiles(db, id);
  const removed = await db`DELETE FROM orders WHERE id = ${id} AND status = 'DELETED'`;
  return removed.count > 0;
}
