/** Downloads the archive of an order and checks it: the one way for `order download`, `order apply --download` and the demo. */

import type { RestClient } from "../client/rest.ts";
import { Failure } from "../failure.ts";
import { counted, humanSize } from "../output/human.ts";
import { progressBar } from "../output/progress.ts";
import { fetchResumable } from "./resume.ts";
import type { KnownFile, Verdict } from "./verify.ts";
import { verifyArchive } from "./verify.ts";

export type Downloaded = { readonly path: string; readonly resumedFrom: number; readonly verdict: Verdict };

const PAGE = 2000;

/** Fetches to `path`, resuming what is there; throws when there is nothing yet, or the archive is not what it should be. */
export async function downloadOrder(client: RestClient, id: number, o: { path: string }): Promise<Downloaded> {
  const files = await filesOf(client, id);
  const fetched = await withBar("download", (onBytes) =>
    fetchResumable({
      path: o.path,
      source: `${client.session.url} ${client.session.tenant} ${id}`,
      request: (init) => client.archive(id, init),
      onBytes,
    }),
  );
  if (fetched.kind === "nothing") {
    throw new Failure(`Cannot download order ${id}: no file is ready, or all of them were downloaded already`);
  }
  const verdict = await withBar("verify  ", (onBytes) => verifyArchive(o.path, { files, onBytes }));
  if (verdict.problems.length > 0) {
    throw new Failure(`The archive '${o.path}' is not good: ${verdict.problems.slice(0, 5).join("; ")}`);
  }
  return { path: o.path, resumedFrom: fetched.resumedFrom, verdict };
}

/** What was checked, in one sentence. */
export function describeVerdict(verdict: Verdict): string {
  const parts = [
    `CRC-32 of ${counted(verdict.entries, "entry").replace(/entrys$/, "entries")} (${humanSize(verdict.bytes)})`,
  ];
  if (verdict.checksums > 0) parts.push(`the catalogue's checksum of ${counted(verdict.checksums, "file")}`);
  const rest = verdict.unknown > 0 ? `; no other checksum is known of ${counted(verdict.unknown, "file")}` : "";
  return `verified: ${parts.join(" and ")}${rest}`;
}

async function withBar<T>(
  title: string,
  act: (onBytes: (done: number, total: number) => void) => Promise<T>,
): Promise<T> {
  const progress = progressBar(title, "bytes");
  try {
    return await act((done, total) => progress.update(done, total));
  } finally {
    progress.stop();
  }
}

/** What the service tells of the files that the archive will hold; those downloaded before are not listed any more. */
async function filesOf(client: RestClient, id: number): Promise<readonly KnownFile[]> {
  const files: KnownFile[] = [];
  for (let page = 0, pages = 1; page < pages; page++) {
    const part = await client.availableFiles(id, { page, size: PAGE });
    files.push(...part.items);
    pages = part.pages;
  }
  return files;
}
