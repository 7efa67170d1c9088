/**
 * Puts inputs where the program of a process reads them: `<product>/<file>`, names made harmless and unique, and the list of them beside.
 * The bytes are copies: nothing that the program does can reach the store.
 */
import { mkdir, open, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { BlobMissing, type BlobStore } from "#store/blobs/blob-store.ts";
import { safeName, uniqueNames } from "#store/file-names.ts";
import type { InputRow, SubOrderRow } from "#store/files.ts";
import { StorageError } from "../fetch/copy.ts";
import { inLanes } from "../lanes.ts";
import type { WorkFolder } from "./folders.ts";

const AT_ONCE = 4;

/** Paths below the folder of inputs, by id: the same inputs always get the same. */
export function pathsOf(inputs: readonly InputRow[]): ReadonlyMap<number, string> {
  const folders = new Map<string, { readonly name: string; readonly unique: (name: string) => string }>();
  const uniqueFolder = uniqueNames();
  return new Map(
    inputs.map(({ id, productUrn, providerId, filename }) => {
      const folder = folders.get(productUrn) ?? {
        name: uniqueFolder(safeName(providerId.replaceAll(/[\\/]/g, "_"))),
        unique: uniqueNames(),
      };
      folders.set(productUrn, folder);
      return [id, `${folder.name}/${folder.unique(safeName(filename))}`];
    }),
  );
}

export type LayOutOptions = {
  readonly blobs: BlobStore;
  readonly folder: WorkFolder;
  /** Inputs that lie there already, by id. */
  readonly laid: Set<number>;
  readonly signal: AbortSignal;
};

/** Copies the inputs that are there; answers the ids of those whose bytes are gone from the store. */
export async function layOut(inputs: readonly InputRow[], o: LayOutOptions): Promise<readonly number[]> {
  const paths = pathsOf(inputs);
  const missing: number[] = [];
  const wanted = inputs.filter(({ id, sha256 }) => sha256 !== undefined && !o.laid.has(id));
  await inLanes(wanted, AT_ONCE, async (input) => {
    o.signal.throwIfAborted();
    const isThere = await copyInput(input, join(o.folder.input, paths.get(input.id) ?? ""), o);
    if (isThere) o.laid.add(input.id);
    else missing.push(input.id);
  });
  return missing;
}

async function copyInput(
  { sha256 = "", size }: InputRow,
  path: string,
  { blobs, signal }: LayOutOptions,
): Promise<boolean> {
  try {
    await mkdir(dirname(path), { recursive: true });
    const written = await copyBlob(await blobs.open(sha256), path, signal);
    if (written !== size) throw new Error(`Cannot copy blob '${sha256}': expected ${size} bytes, got ${written}`);
    return true;
  } catch (error) {
    if (error instanceof BlobMissing) return false;
    if (signal.aborted) throw error;
    throw new StorageError(error);
  }
}

async function copyBlob(bytes: ReadableStream<Uint8Array>, path: string, signal: AbortSignal): Promise<number> {
  const file = await open(path, "w", 0o644);
  try {
    let size = 0;
    for await (const chunk of bytes) {
      signal.throwIfAborted();
      for (let done = 0; done < chunk.length; ) {
        const { bytesWritten } = await file.write(chunk, done, chunk.length - done);
        done += bytesWritten;
      }
      size += chunk.length;
    }
    return size;
  } finally {
    await file.close();
  }
}

/** Writes `parameters.json` and `inputs.json`; paths in the latter are below the folder of inputs. */
export async function describeInputs(
  folder: WorkFolder,
  o: { readonly row: SubOrderRow; readonly inputs: readonly InputRow[] },
): Promise<void> {
  const { row, inputs } = o;
  const parameters = row.process?.parameters ?? {};
  const paths = pathsOf(inputs);
  const described = inputs.map((input) => ({
    product: input.providerId,
    urn: input.productUrn,
    dataset: row.datasetUrn,
    type: input.fileType,
    filename: input.filename,
    mimeType: input.mimeType,
    ...(input.state === "AVAILABLE"
      ? { path: paths.get(input.id), size: input.size, sha256: input.sha256 }
      : { missing: input.error ?? "not there" }),
  }));
  const about = { order: row.orderId, subOrder: row.number, process: row.process?.name, parameters };
  await write(folder.parameters, parameters);
  await write(folder.inputs, {
    ...about,
    files: described.filter((file) => "path" in file),
    missing: described.filter((file) => "missing" in file),
  });
}

async function write(path: string, value: unknown): Promise<void> {
  await writeFile(path, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o644 });
}
