/** SHA-256 of a file, read once from beginning to end and never held in memory. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";

export async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
