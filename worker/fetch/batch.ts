/** Calls for single items, carried out together: while one round is under way, everything that asks meanwhile waits for the next. */

/** A function for one item on top of one for many. An item's promise settles as the round that carried it does. */
export function together<T, R>(act: (items: readonly T[]) => Promise<(item: T) => R>): (item: T) => Promise<R> {
  let waiting: T[] = [];
  let round: Promise<(item: T) => R> | undefined;
  let running: Promise<unknown> = Promise.resolve();

  const start = async () => {
    await running;
    const items = waiting;
    waiting = [];
    round = undefined;
    const work = act(items);
    running = work.catch(() => {});
    return work;
  };
  return async (item) => {
    waiting.push(item);
    round ??= start();
    const answer = await round;
    return answer(item);
  };
}
