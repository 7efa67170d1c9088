/** Waits for the world to be as wanted, instead of sleeping and hoping. */

/** Named time limits of tests, in milliseconds. */
export const LIMIT = { quick: 2_000, normal: 10_000, slow: 60_000 } as const;

/** Resolves with the first truthy answer of `look`; throws when there is none within the limit. What `look` throws counts as no. */
export async function eventually<T>(
  what: string,
  look: () => T | Promise<T>,
  limitMs: number = LIMIT.normal,
): Promise<NonNullable<T>> {
  const end = performance.now() + limitMs;
  let last: unknown;
  for (let wait = 1; ; wait = Math.min(wait * 2, 50)) {
    try {
      last = await look();
      if (last) return last as NonNullable<T>;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) throw new Error(`Waited ${limitMs} ms in vain until ${what}; last: ${String(last)}`);
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}
