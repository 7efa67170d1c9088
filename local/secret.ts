/** A secret that is made once and kept in the home, readable by its owner only. */
import { linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const BYTES = 64;

/** The secret named `name`; whoever asks first makes it, and all get the same. */
export function keptSecret(home: string, name: string): string {
  const file = join(home, name);
  const kept = read(file);
  if (kept) return kept;
  const unfinished = `${file}.${process.pid}`;
  writeFileSync(unfinished, Buffer.from(crypto.getRandomValues(new Uint8Array(BYTES))).toString("base64"), {
    mode: 0o600,
  });
  try {
    linkSync(unfinished, file);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  } finally {
    rmSync(unfinished, { force: true });
  }
  return readFileSync(file, "utf8");
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8") || undefined;
  } catch {
    return undefined;
  }
}
