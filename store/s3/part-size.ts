/** How large the parts of an upload are: every upload of the service cuts alike, so that one may go on where another stopped. */

const SMALLEST = 8 * 1024 * 1024;
/** S3 takes at most 10,000 parts of one object. */
const MOST = 9_000;

/** Bytes of each part but the last of an object of `size` bytes. */
export function partSize(size: number): number {
  return Math.max(SMALLEST, Math.ceil(size / MOST));
}
