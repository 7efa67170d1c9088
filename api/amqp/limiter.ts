/** At most so many pieces of work at a time; the others wait their turn, in order. */
export type Limiter = <T>(work: () => Promise<T>) => Promise<T>;

export function limiter(most: number): Limiter {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await work();
    } finally {
      // The place goes to who waits longest, without being free in between.
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
}
