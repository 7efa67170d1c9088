/**
 * What the Jobs' pods look like: the administrator's file (ORDER_JOB_CONFIG, YAML or JSON, a ConfigMap in a cluster), checked to the letter.
 * A word that is not known is refused, not passed over: a misspelt limit must not become no limit.
 */
import { readFile } from "node:fs/promises";
import { Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import type { JobConfig } from "#operator/config.ts";
import { Failure } from "../failure.ts";

const strict = { additionalProperties: false };
const Name = Type.String({ minLength: 1, maxLength: 253 });
const Quantities = Type.Record(Type.String(), Type.String({ pattern: "^[0-9.]+([numkMGTPE]|[KMGTPE]i)?$" }));
const Key = Type.Object({ name: Name, key: Name, optional: Type.Optional(Type.Boolean()) }, strict);
const Source = Type.Object({ name: Name, optional: Type.Optional(Type.Boolean()) }, strict);
const Id = Type.Integer({ minimum: 1, maximum: 2_147_483_647 });
const Anything = Type.Record(Type.String(), Type.Unknown());

const Variable = Type.Object(
  {
    name: Type.String({ pattern: "^[A-Za-z_][A-Za-z0-9_]*$" }),
    value: Type.Optional(Type.String()),
    valueFrom: Type.Optional(
      Type.Object(
        {
          secretKeyRef: Type.Optional(Key),
          configMapKeyRef: Type.Optional(Key),
          fieldRef: Type.Optional(Type.Object({ fieldPath: Type.String() }, strict)),
        },
        strict,
      ),
    ),
  },
  strict,
);

const Mount = Type.Object(
  {
    name: Name,
    mountPath: Type.String({ pattern: "^/" }),
    readOnly: Type.Optional(Type.Boolean()),
    subPath: Type.Optional(Type.String()),
  },
  strict,
);

const JobFile = Type.Object(
  {
    image: Type.String({ minLength: 1 }),
    imagePullPolicy: Type.Optional(Type.Union(["Always", "IfNotPresent", "Never"].map((word) => Type.Literal(word)))),
    imagePullSecrets: Type.Optional(Type.Array(Name)),
    command: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
    args: Type.Array(Type.String(), { default: ["worker"] }),
    env: Type.Optional(Type.Array(Variable)),
    envFrom: Type.Optional(
      Type.Array(
        Type.Object(
          {
            prefix: Type.Optional(Type.String()),
            secretRef: Type.Optional(Source),
            configMapRef: Type.Optional(Source),
          },
          strict,
        ),
      ),
    ),
    serviceAccount: Type.Optional(Name),
    resources: Type.Optional(
      Type.Object({ requests: Type.Optional(Quantities), limits: Type.Optional(Quantities) }, strict),
    ),
    volumes: Type.Optional(Type.Array(Type.Composite([Type.Object({ name: Name }), Anything]))),
    volumeMounts: Type.Optional(Type.Array(Mount)),
    temporarySpace: Type.Optional(Type.String({ pattern: "^[0-9.]+([kMGT]|[KMGT]i)?$" })),
    workSpace: Type.Optional(Type.String({ pattern: "^[0-9.]+([kMGT]|[KMGT]i)?$" })),
    podLabels: Type.Optional(Type.Record(Type.String(), Type.String())),
    podAnnotations: Type.Optional(Type.Record(Type.String(), Type.String())),
    runAs: Type.Optional(
      Type.Object({ user: Type.Optional(Id), group: Type.Optional(Id), fsGroup: Type.Optional(Id) }, strict),
    ),
    nodeSelector: Type.Optional(Type.Record(Type.String(), Type.String())),
    tolerations: Type.Optional(Type.Array(Anything)),
    affinity: Type.Optional(Anything),
    priorityClassName: Type.Optional(Name),
    queueName: Type.Optional(Name),
    deadlineSeconds: Type.Integer({ minimum: 60, maximum: 31_536_000, default: 86_400 }),
    backoffLimit: Type.Integer({ minimum: 0, maximum: 100, default: 6 }),
    ttlSeconds: Type.Integer({ minimum: 0, maximum: 31_536_000, default: 600 }),
  },
  strict,
);

/** Reads the file; fails with one line that names the field. */
export async function readJobConfig(path: string): Promise<JobConfig> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw new Failure(`Cannot read ORDER_JOB_CONFIG '${path}'`, { cause: error });
  });
  return parseJobConfig(text, path);
}

/** The configuration in `text`; `source` is named where it is wrong. */
export function parseJobConfig(text: string, source: string): JobConfig {
  const value = Value.Default(JobFile, parsed(text, source));
  const [problem] = Value.Errors(JobFile, value);
  if (problem === undefined) return value as JobConfig;
  const field = problem.path.slice(1).replaceAll("/", ".") || "the file";
  throw new Failure(`Cannot use '${source}': ${field}: ${lowered(problem.message)}`);
}

function parsed(text: string, source: string): unknown {
  try {
    return Bun.YAML.parse(text);
  } catch (error) {
    throw new Failure(`Cannot read '${source}' as YAML`, { cause: error });
  }
}

function lowered(message: string): string {
  return message.slice(0, 1).toLowerCase() + message.slice(1);
}
