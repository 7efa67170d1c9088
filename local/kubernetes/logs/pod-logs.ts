/** Where the server gets the output of pods from: the program that runs them gives it one of these. */
export type PodLogOptions = {
  readonly follow: boolean;
  readonly previous: boolean;
  readonly timestamps: boolean;
  readonly tailLines?: number;
  readonly limitBytes?: number;
  readonly sinceSeconds?: number;
  readonly sinceTime?: Date;
};

export type PodLogs = {
  open(
    namespace: string,
    pod: string,
    container: string | undefined,
    options: PodLogOptions,
  ): Promise<ReadableStream<Uint8Array>>;
};
