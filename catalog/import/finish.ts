/** After an import that changed much, PostgreSQL is told to look at the tables again: searches are planned by what it saw last. */
import type { Db } from "#store/db.ts";
import type { ImportReport } from "./report.ts";

const WORTH_IT = 500;

export async function finishImport(db: Db, report: ImportReport): Promise<void> {
  if (report.created + report.updated + report.removed < WORTH_IT) return;
  // VACUUM also moves what waits beside the inverted indexes into them.
  for (const table of ["products", "product_files", "footprints", "datasets"]) {
    await db`VACUUM (ANALYZE) ${db(table)}`;
  }
}
