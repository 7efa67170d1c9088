/**
 * Before a process: brings its inputs into the store like any files, then lays out copies for its program. An input that cannot be had does not
 * stop the run (rs-order.md §9.5); without any input there is no run, and the sub-order says why.
 */
import { EXIT } from "#crds/names.ts";
import { failOutputs, type InputRow, inputsOf, type SubOrderRow, wantInputs } from "#store/files.ts";
import { ask, attempt, stopped } from "../attempt.ts";
import { StorageError } from "../fetch/copy.ts";
import { fetchPending, type WorkerOptions } from "../run.ts";
import { makeFolders, workFolder } from "./folders.ts";
import { describeInputs, layOut } from "./lay-out.ts";
import { missingInputs } from "./missing.ts";

/** Bytes may be lost from the store after they were fetched; then they are fetched again, but not for ever. */
const MOST_ROUNDS = 3;

/** Answers the exit code; only after 0 may the process start. */
export async function runFetchStage(options: WorkerOptions & { readonly work: string }): Promise<number> {
  let isReady = false;
  const code = await attempt(options, async (row) => {
    if (row.process === undefined) return notARun(options);
    const outcome = await bringInputs(options, row);
    isReady = outcome === 0;
    return outcome;
  });
  // A run that has ended already must not start its process again.
  return code === 0 && !isReady ? EXIT.unusable : code;
}

export function notARun({ logger }: Pick<WorkerOptions, "logger">): number {
  logger.fatal("the sub-order has no process: --stage must not be given");
  return EXIT.unusable;
}

async function bringInputs(options: WorkerOptions & { readonly work: string }, row: SubOrderRow): Promise<number> {
  const { db, blobs, orderId, number, logger, signal } = options;
  const folder = workFolder(options.work);
  const laid = new Set<number>();
  const read = () => ask(options, () => inputsOf(db, orderId, number));
  await makeFolders(folder);
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const pending = (await read()).filter(({ state }) => state === "PENDING").length;
    const code = pending === 0 ? 0 : await fetchPending(options, { of: "process_inputs", files: pending });
    if (code !== 0) return code;
    const inputs = await read();
    if (!inputs.some(({ state }) => state === "AVAILABLE")) return await nothingToWorkOn(options, row, inputs);
    const lost = await layOut(inputs, { blobs, folder, laid, signal });
    if (signal.aborted) return stopped(logger);
    if (lost.length === 0 && !inputs.some(({ state }) => state === "PENDING")) {
      await describeInputs(folder, { row, inputs });
      logger.info({ inputs: laid.size, missing: inputs.length - laid.size }, "inputs are laid out");
      return 0;
    }
    logger.warn({ inputs: lost.length }, "inputs are gone from the store: fetching them again");
    await ask(options, () => wantInputs(db, orderId, lost));
  }
  throw new StorageError(new Error(`Cannot keep the inputs: some were gone from the store ${MOST_ROUNDS} times`));
}

async function nothingToWorkOn(
  options: WorkerOptions,
  { process }: SubOrderRow,
  inputs: readonly InputRow[],
): Promise<number> {
  const { db, orderId, number, attempt: which, logger, now } = options;
  const reason = `Process '${process?.name}' did not start: ${missingInputs(inputs) ?? "it has no inputs"}`;
  await ask(options, () => failOutputs(db, orderId, number, { attempt: which, reason, now: now() }));
  logger.error(reason);
  return EXIT.unusable;
}
