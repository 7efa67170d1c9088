/** Whether there is room for the files of another sub-order. Pure. */
import type { Space } from "./view.ts";

/** Share of the disk that is left free when no limit is set. */
const KEEP_FREE = 0.05;

/** Room left: up to the tenant's limit, else what the disk has less 5 %; whichever is less where both are known. */
export function spaceOf(o: {
  readonly used: number;
  /** 0: none. */
  readonly limit: number;
  readonly free?: number | undefined;
}): Space {
  const ofDisk = o.free === undefined ? undefined : o.free - KEEP_FREE * (o.free + o.used);
  const ofLimit = o.limit > 0 ? o.limit - o.used : undefined;
  const rooms = [ofDisk, ofLimit].filter((room) => room !== undefined);
  return rooms.length === 0 ? { used: o.used } : { used: o.used, room: Math.max(0, Math.floor(Math.min(...rooms))) };
}

/** Whether `bytes` more fit. Where nothing is stored and nothing runs it never gets better: then anything may try. */
export function fits(space: Space, o: { readonly bytes: number; readonly running: number }): boolean {
  if (space.room === undefined || o.bytes <= space.room) return true;
  return space.used === 0 && o.running === 0;
}
