/** The bearer token of the kubeconfig: one per home folder, readable by its owner only. */
import { timingSafeEqual } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

const TOKEN_BYTES = 32;

/** The token kept in the folder; made at the first call. */
export async function keptToken(folder: string): Promise<string> {
  const path = join(folder, "token");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const fresh = Buffer.from(crypto.getRandomValues(new Uint8Array(TOKEN_BYTES))).toString("base64url");
  try {
    await writeFile(path, fresh, { mode: 0o600, flag: "wx" });
    return fresh;
  } catch {
    const found = (await readFile(path, "utf8")).trim();
    if (found.length < TOKEN_BYTES) throw new Error(`Cannot use the token in '${path}': too short, remove the file`);
    return found;
  }
}

/** Whether the request carries the token, compared in constant time. */
export function carriesToken(request: Request, token: string): boolean {
  const given = Buffer.from(request.headers.get("authorization") ?? "");
  const wanted = Buffer.from(`Bearer ${token}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}
