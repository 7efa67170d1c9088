/**
 * What an operator has to be told: where it works and what the pods of its Jobs look like.
 * Read once at the start; what a tenant may change while it runs is in the settings of the store.
 */
import type { EnvFrom, EnvVar, ResourceRequirements, Volume, VolumeMount } from "#kube/kinds.ts";

export type JobConfig = {
  readonly image: string;
  readonly imagePullPolicy?: "Always" | "IfNotPresent" | "Never";
  readonly imagePullSecrets?: readonly string[];
  /** Program of the worker's container; absent: the image's own. */
  readonly command?: readonly string[];
  /** The operator adds `--order`, `--sub-order` and `--attempt`, and with a process `--stage` and `--work`. */
  readonly args: readonly string[];
  readonly env?: readonly EnvVar[];
  readonly envFrom?: readonly EnvFrom[];
  readonly serviceAccount?: string;
  readonly resources?: ResourceRequirements;
  readonly volumes?: readonly Volume[];
  readonly volumeMounts?: readonly VolumeMount[];
  /** Most that /tmp may hold, e.g. `20Gi`: files on their way to an object store. */
  readonly temporarySpace?: string;
  /** Most that a process's inputs and outputs may take on the node, e.g. `50Gi`; its /tmp likewise. */
  readonly workSpace?: string;
  readonly podLabels?: Readonly<Record<string, string>>;
  readonly podAnnotations?: Readonly<Record<string, string>>;
  /** Numeric ids; the group owns mounted volumes. */
  readonly runAs?: { readonly user?: number; readonly group?: number; readonly fsGroup?: number };
  readonly nodeSelector?: Readonly<Record<string, string>>;
  readonly tolerations?: readonly Readonly<Record<string, unknown>>[];
  readonly affinity?: Readonly<Record<string, unknown>>;
  readonly priorityClassName?: string;
  /** Kueue's LocalQueue. Set: `suspend` of the Jobs is Kueue's and never touched here. */
  readonly queueName?: string;
  /** Set: the programs of Jobs are told their place in the traces of this tenant's orders. */
  readonly traces?: { readonly tenant: string };
  /** With a process, that of its run comes on top. */
  readonly deadlineSeconds: number;
  readonly backoffLimit: number;
  readonly ttlSeconds: number;
};

export type LeaseConfig = { readonly name: string; readonly identity: string };

export type OperatorConfig = {
  readonly namespace: string;
  readonly job: JobConfig;
  /** Start of every link that users get, e.g. `https://archive.example`. */
  readonly publicUrl: string;
  /** Path of the order service below it, e.g. `/api/v1/rs-order`. */
  readonly prefix: string;
  /** How many keys each controller works on at once. */
  readonly workers?: { readonly order?: number; readonly subOrder?: number };
  /** Set where several operators run: only the holder of this lease acts. */
  readonly lease?: LeaseConfig;
  /** How often everything is looked at again although nothing told us to. */
  readonly resyncSeconds?: number;
  /** How often rows without a resource, expired orders and unused blobs are looked for. */
  readonly sweepSeconds?: number;
  /** How often owners are looked for who have not downloaded what waits for them. */
  readonly remindSeconds?: number;
  /** How long nothing may be heard of another namespace that works on the same orders before they are moved here; longer than two sweeps. */
  readonly awaySeconds?: number;
  /** How long a blob that no order refers to is kept. */
  readonly blobGraceSeconds?: number;
};
