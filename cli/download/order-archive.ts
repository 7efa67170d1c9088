/** Downloads the archive of an order and checks it: the one way for `order download`, `order apply --download` and the demo. */
import { existsSync } from "node:fs";
import type { RestClient } from "../client/rest.ts";
import { Failure } from "../failure.ts";
import { counted, humanSize } from "../output/human.ts";
import { progressBar } from "../output/progress.ts";
import { fetchResumable } from "./resume.ts";
import type { KnownFile, Verdict } from "./verify.ts";
import { verifyArchive } from "./verify.ts";

export type Downloaded = { readonly path: string; readonly resumedFrom: number; readonly verdict: Verdict };

export type DownloadOptions = { readonly path: string; readonly layout?: string };

const PAGE = 2000;

/** Fetches to `path`, resuming what is there; throws when there is nothing yet, or the archive is not what it should be. */
export async function downloadOrder(client: RestClient, id: number, o: DownloadOptions): Promise<Downloaded> {
  const files = await filesOf(client, id);
  const { downloaded } = await downloadArchive(client, id, { path: o.path, files, query: layoutOf(o) });
  if (!downloaded) throw nothing(id);
  return downloaded;
}

/** The same in archives of at most `partSize` bytes, `name.part1.zip` and so on; parts that are there already are left as they are. */
export async function downloadParts(
  client: RestClient,
  id: number,
  o: DownloadOptions & { readonly partSize: number; readonly onPart: (part: Downloaded) => void },
): Promise<void> {
  const files = await filesOf(client, id);
  let some = false;
  for (let part = 1, parts = 1; part <= parts; part++) {
    const query = { ...layoutOf(o), part: `${part}`, partSize: `${o.partSize}` };
    const fetched = await downloadArchive(client, id, { path: partPath(o.path, part), files, query });
    parts = fetched.parts ?? (await countParts(client, id, query));
    if (!fetched.downloaded) continue;
    some = true;
    o.onPart(fetched.downloaded);
  }
  if (!some) throw nothing(id);
}

/** Asked where nothing was left to fetch, only to be checked. */
async function countParts(client: RestClient, id: number, query: Readonly<Record<string, string>>): Promise<number> {
  const response = await client.archive(id, query, { method: "HEAD" });
  return Number(response.headers.get("X-Archive-Parts") ?? 1);
}

/** A file of its own for what came of a part later, so that what was fetched before is not written over. */
function partPath(path: string, part: number): string {
  const stem = path.replace(/\.zip$/i, "");
  for (let more = 1; ; more++) {
    const candidate = `${stem}.part${part}${more > 1 ? `-${more}` : ""}.zip`;
    if (!existsSync(candidate)) return candidate;
  }
}

function layoutOf({ layout }: DownloadOptions): Readonly<Record<string, string>> {
  return layout === undefined ? {} : { layout };
}

function nothing(id: number): Failure {
  return new Failure(`Cannot download order ${id}: no file is ready, or all of them were downloaded already`);
}

type Fetching = {
  readonly path: string;
  readonly files: readonly KnownFile[];
  readonly query: Readonly<Record<string, string>>;
};

/** One archive, verified; absent when it would hold nothing. `parts` is how many the server has. */
async function downloadArchive(
  client: RestClient,
  id: number,
  { path, files, query }: Fetching,
): Promise<{ downloaded?: Downloaded; parts?: number }> {
  let parts: number | undefined;
  const fetched = await withBar("download", (onBytes) =>
    fetchResumable({
      path,
      source: [client.session.url, client.session.tenant, id, ...Object.values(query)].join(" "),
      request: async (init) => {
        const response = await client.archive(id, query, init);
        const told = response.headers.get("X-Archive-Parts");
        if (told !== null) parts = Number(told);
        return response;
      },
      onBytes,
    }),
  );
  const count = parts === undefined ? {} : { parts };
  if (fetched.kind === "nothing") return count;
  const verdict = await withBar("verify  ", (onBytes) => verifyArchive(path, { files, onBytes }));
  if (verdict.problems.length > 0) {
    throw new Failure(`The archive '${path}' is not good: ${verdict.problems.slice(0, 5).join("; ")}`);
  }
  return { ...count, downloaded: { path, resumedFrom: fetched.resumedFrom, verdict } };
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
  act: (onBytes: (done: number, total: number | undefined) => void) => Promise<T>,
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
