/** A temporary folder that other users may walk through (PostgreSQL runs as another user than root), removed at the end. */
import { chmodSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type TemporaryFolder = { readonly path: string; remove(): void };

export function temporaryFolder(label: string): TemporaryFolder {
  const path = mkdtempSync(join(realpathSync(tmpdir()), `regards-order-${label}-`));
  chmodSync(path, 0o755);
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
