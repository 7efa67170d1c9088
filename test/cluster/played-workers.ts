/**
 * The part of the workers whose pods kwok only pretends to run: when a pod runs, the files of its sub-order are reported to the store as a worker
 * reports them, and then the pod may end. So a Job is never complete before its files are there.
 */
import type { Logger } from "pino";
import { LABELS } from "#crds/names.ts";
import { controller } from "#kube/controller.ts";
import { PODS, type Pod } from "#kube/kinds.ts";
import { WorkQueue } from "#kube/queue.ts";
import { reflector } from "#kube/reflector.ts";
import { resourceApi } from "#kube/resource.ts";
import type { Transport } from "#kube/transport.ts";
import { touchBlobs } from "#store/blob-rows.ts";
import type { Db } from "#store/db.ts";
import { reportFiles, takeFiles } from "#store/files.ts";
import { mayEnd, WORK_IS_DONE } from "./kwok.ts";

const AT_ONCE = 8;
const MOST_FILES = 10_000;
/** SHA-256 of nothing: every file that was "fetched" is this blob. */
const BLOB = { sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", size: 1 };

export type PlayedWorkers = {
  /** When each pod was seen running, by `performance.now()`. */
  readonly began: ReadonlyMap<string, number>;
  /** Pods that have ended well. */
  ended(): number;
  stop(): Promise<void>;
};

/** Plays in the transport's namespace until it is stopped. Without a database the pods only run and end. */
export async function playWorkers(o: {
  readonly transport: Transport;
  readonly db?: Db;
  readonly logger: Logger;
}): Promise<PlayedWorkers> {
  const { transport, db, logger } = o;
  const now = () => new Date();
  const stopper = new AbortController();
  const { signal } = stopper;
  const pods = resourceApi<Pod>(transport, PODS);
  const queue = new WorkQueue({ random: Math.random });
  const began = new Map<string, number>();
  const watch = reflector(pods, {
    onChange: ({ name, now: pod }) => {
      if (pod?.status?.phase !== "Running" || mayEnd(pod)) return;
      if (!began.has(name)) began.set(name, performance.now());
      queue.add(name);
    },
    now,
    random: Math.random,
    logger,
  });
  const work = async (name: string) => {
    const pod = watch.cache.get(name);
    if (pod === undefined || mayEnd(pod)) return { kind: "done" } as const;
    if (db) await report(db, pod);
    await pods.patch(name, WORK_IS_DONE);
    return { kind: "done" } as const;
  };
  const working = controller({ name: "played workers", queue, concurrency: AT_ONCE, reconcile: work, logger });
  const running = Promise.all([watch.run(signal), working.run(signal)]);
  await watch.synced(signal);
  return {
    began,
    ended: () => watch.cache.list().filter((pod) => pod.status?.phase === "Succeeded").length,
    async stop() {
      stopper.abort();
      queue.close();
      await running;
    },
  };
}

async function report(db: Db, pod: Pod): Promise<void> {
  const label = (name: string) => Number(pod.metadata.labels?.[name]);
  const [orderId, number] = [label(LABELS.order), label(LABELS.subOrder)];
  const files = await takeFiles(db, orderId, number, { limit: MOST_FILES });
  const now = new Date();
  await touchBlobs(db, [BLOB], { now });
  const results = files.map(({ id }) => ({ id, kind: "available", crc32: 0, ...BLOB }) as const);
  await reportFiles(db, orderId, number, results, { now });
}
