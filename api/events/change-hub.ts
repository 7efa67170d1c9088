/**
 * Tells many followers of changes over one connection to the database, which is open only while somebody follows. A wake-up is a hint to look:
 * it may come for nothing, and after a gap in the connection everybody gets one.
 */
import { listenChanges } from "#store/changes.ts";
import type { Db } from "#store/db.ts";

export type Wake = () => void;

export type ChangeHub = {
  /** From when this resolves on, `wake` is called for each change of the order; answers how to stop that. */
  follow(orderId: number, wake: Wake): Promise<() => void>;
  /** Followers at the moment. */
  readonly size: number;
};

type Listening = { readonly ready: Promise<void>; stop(): void };

export function changeHub(db: Db): ChangeHub {
  const wakes = new Map<number, Set<Wake>>();
  let size = 0;
  let listening: Listening | undefined;

  const listen = (): Listening => {
    const stop = new AbortController();
    const onChange = (id: number) => {
      for (const wake of wakes.get(id) ?? []) wake();
    };
    const onGap = () => {
      for (const set of wakes.values()) for (const wake of set) wake();
    };
    return { ready: listenChanges(db, onChange, { onGap, signal: stop.signal }), stop: () => stop.abort() };
  };

  const leave = (orderId: number, wake: Wake): void => {
    const set = wakes.get(orderId);
    if (!set?.delete(wake)) return;
    size--;
    if (set.size === 0) wakes.delete(orderId);
    if (size > 0) return;
    listening?.stop();
    listening = undefined;
  };

  return {
    async follow(orderId, wake) {
      const set = wakes.get(orderId) ?? new Set();
      wakes.set(orderId, set.add(wake));
      size++;
      listening ??= listen();
      try {
        await listening.ready;
      } catch (error) {
        // Who comes next tries anew.
        listening = undefined;
        leave(orderId, wake);
        throw error;
      }
      return () => leave(orderId, wake);
    },
    get size() {
      return size;
    },
  };
}
