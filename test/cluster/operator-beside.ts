/** An operator in this process over a tenant of the test bed; its Jobs are real pods of the real image. For tests of Jobs, where who runs the operator does not matter. */
import { fileURLToPath } from "node:url";
import pino from "pino";
import { postgresCatalogue } from "#catalog/catalogue.ts";
import type { JobConfig, OperatorConfig } from "#operator/config.ts";
import { startOperator } from "#operator/start.ts";
import { openBlobStore } from "#store/blobs/open.ts";
import { output } from "#test/support/run-command.ts";
import { BLOBS_CLAIM, type TenantGround } from "./tenant-ground.ts";

export async function operatorBeside(
  ground: TenantGround,
  job: Partial<JobConfig> & { readonly image: string },
  config: Partial<OperatorConfig> = {},
) {
  const stopper = new AbortController();
  const blobs = await openBlobStore(ground.blobsHere, {});
  // What this process makes as root must be open to the user of the pods.
  await output(["chmod", "-R", "a+rwX", fileURLToPath(ground.blobsHere)]);
  const volumes = [{ name: "blobs", persistentVolumeClaim: { claimName: BLOBS_CLAIM } }];
  const { ready, stopped } = startOperator({
    db: ground.db,
    transport: ground.transport,
    catalogue: postgresCatalogue(ground.db),
    blobs,
    config: {
      namespace: ground.namespace,
      publicUrl: "https://archive.example.org",
      prefix: "/api/v1/rs-order",
      job: {
        imagePullPolicy: "Never",
        command: ["/usr/bin/regards-order"],
        args: ["worker"],
        env: [
          { name: "ORDER_TENANT", value: ground.namespace },
          { name: "ORDER_BLOBS_URL", value: ground.blobsUrl },
          { name: "ORDER_DATABASE_URL", valueFrom: { secretKeyRef: { name: "database", key: "url" } } },
        ],
        volumes,
        volumeMounts: [{ name: "blobs", mountPath: "/blobs" }],
        deadlineSeconds: 600,
        backoffLimit: 2,
        ttlSeconds: 600,
        ...job,
      },
      ...config,
    },
    now: () => new Date(),
    random: Math.random,
    logger: pino({ level: process.env["TEST_LOG_LEVEL"] ?? "silent" }),
    signal: stopper.signal,
  });
  await ready;
  return {
    async stop(): Promise<void> {
      stopper.abort();
      await stopped;
    },
  };
}
