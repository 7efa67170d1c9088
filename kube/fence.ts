/**
 * A transport for what only the leader may do: it refuses every write once the lease is no longer held by the clock.
 * A process that was frozen and wakes up asks here before it writes, whatever its timers have not noticed yet.
 */
import type { Transport } from "./transport.ts";

export function fencedTransport(transport: Transport, held: () => boolean): Transport {
  return {
    ...transport,
    async fetch(path, init) {
      if (init.method !== "GET" && !held()) throw new Error("this process no longer leads");
      return await transport.fetch(path, init);
    },
  };
}
