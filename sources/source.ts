/**
 * What every kind of source answers when a file is asked for from some offset on.
 * Problems are values with a verdict (try again, later, never); only a bug throws.
 */

/** Marks the version of a source file, so that a resumed transfer never glues two versions together. */
export type Validator = string;

export type Opened =
  | {
      readonly kind: "bytes";
      readonly stream: ReadableStream<Uint8Array>;
      /** Length of the whole file, if the source tells it. */
      readonly total?: number;
      /** False: the stream starts at byte 0, whatever was asked for. */
      readonly resumed: boolean;
      readonly validator?: Validator;
    }
  | {
      readonly kind: "notReady";
      readonly retryAfterMs?: number;
      readonly reason: string;
      /** What the source answered, where it speaks HTTP. */
      readonly status?: number;
    }
  | {
      readonly kind: "failed";
      readonly reason: string;
      readonly permanent: boolean;
      readonly retryAfterMs?: number;
      /** What the source answered, where it speaks HTTP. */
      readonly status?: number;
      /** The source is there but asks for patience (429, 503): not the file's fault. */
      readonly busy?: boolean;
      /** What is there already does not fit the source any more: begin at byte 0. */
      readonly restart?: boolean;
    };

export type OpenOptions = {
  readonly offset: number;
  /** No byte from here on is wanted; a source may send them all the same. */
  readonly end?: number;
  /** With an offset: resume only if the source still has this version. */
  readonly ifMatch?: Validator;
  /** Number of this try, from 0: picks another address of the host when there are several. */
  readonly turn: number;
  readonly signal: AbortSignal;
};

export type Source = { open(uri: string, options: OpenOptions): Promise<Opened> };

/** A failure that another try cannot mend. */
export function permanent(reason: string): Opened {
  return { kind: "failed", reason, permanent: true };
}

/** A failure that may pass. */
export function transient(reason: string): Opened {
  return { kind: "failed", reason, permanent: false };
}

/** A stream without bytes: what remains of a file that is complete already. */
export function emptyStream(): ReadableStream<Uint8Array> {
  return new ReadableStream({ start: (controller) => controller.close() });
}
