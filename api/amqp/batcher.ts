/**
 * Does many small things in few statements: what is added while one runs goes into the next, so the load makes the batches and a lone item never
 * waits. A batch that is refused is done item by item, so that one bad item does not take the others with it.
 */
export type Batcher<T, R> = {
  /** Resolves with what came of the item. */
  add(item: T): Promise<R>;
};

type Waiting<T, R> = {
  readonly item: T;
  readonly done: (result: R) => void;
  readonly failed: (error: unknown) => void;
};

/** Does some items at once; answers one result for each, in their order. */
export type Run<T, R> = (items: readonly T[]) => Promise<readonly R[]>;

export function batcher<T, R>(run: Run<T, R>, most: number): Batcher<T, R> {
  let queue: Waiting<T, R>[] = [];
  let running = false;
  const flush = async () => {
    running = true;
    while (queue.length > 0) {
      const batch = queue.slice(0, most);
      queue = queue.slice(most);
      await runAll(run, batch);
    }
    running = false;
  };
  return {
    add: (item) =>
      new Promise((done, failed) => {
        queue.push({ item, done, failed });
        if (!running) void flush();
      }),
  };
}

/** Never throws: each item learns its own fate. */
async function runAll<T, R>(run: Run<T, R>, batch: readonly Waiting<T, R>[]): Promise<void> {
  try {
    const results = await run(batch.map(({ item }) => item));
    for (const [i, { done }] of batch.entries()) done(results[i] as R);
  } catch (error) {
    if (batch.length === 1) return void batch[0]?.failed(error);
    for (const one of batch) await runAll(run, [one]);
  }
}
