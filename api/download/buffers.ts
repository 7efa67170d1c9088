/**
 * One buffer for each download that is under way, and together no more than a budget for the whole process: a few downloads get large ones
 * (fewer turns, a gigabyte a second), a hundred get small ones. Never pooled: what a connection that was cut still holds is not overwritten.
 */
const BUDGET = 12 * 1024 * 1024;
const LARGEST = 256 * 1024;
const SMALLEST = 32 * 1024;
const PAGE = 4096;

let running = 0;

/** A buffer for a download that starts now; `release` when it has ended. */
export function leaseBuffer(): { readonly buffer: Buffer; readonly release: () => void } {
  running++;
  let held = true;
  return {
    buffer: Buffer.allocUnsafeSlow(bufferBytes(running)),
    release: () => {
      if (held) running--;
      held = false;
    },
  };
}

/** The size for the newest of so many downloads. */
export function bufferBytes(downloads: number): number {
  const share = Math.floor(BUDGET / downloads / PAGE) * PAGE;
  return Math.min(Math.max(share, SMALLEST), LARGEST);
}
