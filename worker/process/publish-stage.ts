/**
 * After a process: every file that it left becomes a blob, then all of them together become the files of the sub-order. Until that one
 * transaction nothing of the run is visible, so it may be killed anywhere before; after it a repeat finds that all is done.
 */
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { basename, join } from "node:path";
import { EXIT } from "#crds/names.ts";
import { failOutputs, inputsOf, type Output, publishOutputs } from "#store/files.ts";
import { mediaTypeOf } from "#store/media-type.ts";
import { type AttemptOptions, ask, attempt } from "../attempt.ts";
import { StorageError, stored } from "../fetch/copy.ts";
import { Digests } from "../fetch/digests.ts";
import { placeFor } from "../fetch/memory.ts";
import { inLanes } from "../lanes.ts";
import { toucher } from "../touch.ts";
import { notARun } from "./fetch-stage.ts";
import { workFolder } from "./folders.ts";
import { missingInputs } from "./missing.ts";
import { BadOutput, codeOf, type FoundOutput, findOutputs } from "./outputs.ts";

/** A blob may be collected between its storing and the publishing, if that takes very long; then it is stored again. */
const MOST_ROUNDS = 3;
const AT_ONCE = 4;

export type PublishOptions = AttemptOptions & {
  readonly settings: { readonly max_file_bytes: number };
  readonly work: string;
};

/** Answers the exit code: 0 also for a process that gave nothing that can be taken, because the sub-order tells that. */
export function runPublishStage(options: PublishOptions): Promise<number> {
  return attempt(options, async ({ process }) => {
    if (process === undefined) return notARun(options);
    try {
      return await publish(options);
    } catch (error) {
      if (!(error instanceof BadOutput)) throw error;
      return await fail(options, `Process '${process.name}' ${error.message}`);
    }
  });
}

async function publish(options: PublishOptions): Promise<number> {
  const { db, orderId, number, logger, now, settings } = options;
  const folder = workFolder(options.work).output;
  const found = await findOutputs(folder, { maxBytes: settings.max_file_bytes });
  if (found.length === 0) throw new BadOutput("gave no output");
  const message = missingInputs(await ask(options, () => inputsOf(db, orderId, number)));
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const outputs = await storeAll(options, { folder, found });
    const run = { attempt: options.attempt, outputs, now: now(), ...(message === undefined ? {} : { message }) };
    const published = await ask(options, () => publishOutputs(db, orderId, number, run));
    if (published === "blobMissing") continue;
    const bytes = outputs.reduce((sum, { size }) => sum + size, 0);
    logger.info({ outputs: outputs.length, bytes, published }, "outputs are published");
    return published === "stale" ? EXIT.unusable : 0;
  }
  throw new StorageError(new Error(`Cannot keep the outputs: some were gone from the store ${MOST_ROUNDS} times`));
}

async function fail(options: PublishOptions, reason: string): Promise<number> {
  const { db, orderId, number, logger, now } = options;
  const isTold = await ask(options, () =>
    failOutputs(db, orderId, number, { attempt: options.attempt, reason, now: now() }),
  );
  logger.error({ isTold }, reason);
  return 0;
}

async function storeAll(
  options: PublishOptions,
  { folder, found }: { readonly folder: string; readonly found: readonly FoundOutput[] },
): Promise<readonly Output[]> {
  const touch = toucher(options);
  const outputs: Output[] = [];
  await inLanes(found.entries(), AT_ONCE, async ([index, output]) => {
    options.signal.throwIfAborted();
    outputs[index] = await store(options, { folder, output, touch });
  });
  return outputs;
}

type Storing = { readonly folder: string; readonly output: FoundOutput; readonly touch: ReturnType<typeof toucher> };

async function store(options: PublishOptions, { folder, output, touch }: Storing): Promise<Output> {
  const { blobs, orderId, number, signal } = options;
  const key = `order-${orderId}-subOrder-${number}-output-${output.path}`;
  const place = await stored(placeFor(blobs, key, output.size));
  const digests = new Digests();
  try {
    if (place.size > 0) await stored(place.truncate());
    for await (const chunk of bytesOf(join(folder, output.path), output.path)) {
      signal.throwIfAborted();
      digests.update(chunk);
      await stored(place.write(chunk));
    }
    const { size, sha256, crc32 } = digests.finish();
    await touch({ sha256, size });
    await stored(place.commit(sha256));
    const filename = basename(output.path);
    return { filename, mimeType: mediaTypeOf(filename), size, sha256, crc32 };
  } catch (error) {
    await place.abandon().catch(() => {});
    throw error;
  }
}

const CHUNK_BYTES = 256 * 1024;

/** Through no link: what was a file when it was found may have become one. */
async function* bytesOf(path: string, name: string): AsyncGenerator<Uint8Array, void> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch((error: unknown) => {
    throw new BadOutput(`left a file that cannot be read: '${name}' (${codeOf(error)})`);
  });
  try {
    for (;;) {
      const { bytesRead, buffer } = await file.read(new Uint8Array(CHUNK_BYTES), 0, CHUNK_BYTES, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}
