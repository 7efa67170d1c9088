/** Whether the tenant is in maintenance: stored, so that every server of the service says the same, also after a restart. */
import { type Db, withoutNulls } from "./db.ts";

export type Maintenance = {
  readonly active: boolean;
  /** What users are told beside the fact. */
  readonly message?: string;
  /** When it was switched last; absent if never. */
  readonly updatedAt?: Date;
};

export async function readMaintenance(db: Db): Promise<Maintenance> {
  const [row] = await db<Maintenance[]>`SELECT active, message, updated_at FROM maintenance`;
  return row ? withoutNulls<Maintenance>(row) : { active: false };
}

export async function switchMaintenance(
  db: Db,
  o: { readonly active: boolean; readonly message?: string; readonly now: Date },
): Promise<void> {
  await db`
    INSERT INTO maintenance (active, message, updated_at) VALUES (${o.active}, ${o.message ?? null}, ${o.now})
    ON CONFLICT (singleton) DO UPDATE SET active = excluded.active, message = excluded.message, updated_at = excluded.updated_at`;
}
