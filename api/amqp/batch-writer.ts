/**
 * Writes many small things in few statements: what is added while a write runs goes into the next one, so the load makes the batches and a lone
 * item never waits. A batch that is refused is written item by item, so that one bad item does not take the others with it.
 */
export type BatchWriter<T> = {
  /** Resolves when the item is written. */
  add(item: T): Promise<void>;
};

type Waiting<T> = { readonly item: T; readonly written: () => void; readonly failed: (error: unknown) => void };

export function batchWriter<T>(write: (items: readonly T[]) => Promise<void>, most: number): BatchWriter<T> {
  let queue: Waiting<T>[] = [];
  let running = false;
  const flush = async () => {
    running = true;
    while (queue.length > 0) {
      const batch = queue.slice(0, most);
      queue = queue.slice(most);
      await writeAll(write, batch);
    }
    running = false;
  };
  return {
    add: (item) =>
      new Promise((written, failed) => {
        queue.push({ item, written, failed });
        if (!running) void flush();
      }),
  };
}

/** Never throws: each item learns its own fate. */
async function writeAll<T>(write: (items: readonly T[]) => Promise<void>, batch: readonly Waiting<T>[]): Promise<void> {
  try {
    await write(batch.map(({ item }) => item));
    for (const { written } of batch) written();
  } catch (error) {
    if (batch.length === 1) return void batch[0]?.failed(error);
    for (const one of batch) await writeAll(write, [one]);
  }
}
