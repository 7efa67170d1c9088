/**
 * The values of the tenant chart, in the order in which an administrator meets them. The one source of values.yaml, values.schema.json and the
 * tables of the README (`npm run generate`).
 */
import {
  choice,
  count,
  flag,
  group,
  name,
  names,
  passed,
  passedList,
  ports,
  quantity,
  resources,
  secretKey,
  text,
  words,
} from "./value-types.ts";

/** How the pods of a role are placed and run. */
const placement = {
  nodeSelector: words("Nodes that its pods may run on."),
  tolerations: passedList("Taints that its pods stand."),
  affinity: passed("Where its pods rather run."),
  priorityClassName: name("Priority of its pods."),
  podLabels: words("More labels of its pods."),
  podAnnotations: words("Annotations of its pods."),
};

const deployment = {
  annotations: words(
    'Annotations of its Deployment, e.g. for who restarts it when a Secret changes: `reloader.stakater.com/auto: "true"`.',
  ),
};

const spread = { topologySpread: flag("Spreads its pods over nodes and zones as far as there are some.", true) };

const disruption = group("Nodes are drained so that some of its pods stay (PodDisruptionBudget).", {
  enabled: flag("Makes it.", true),
  maxUnavailable: count("Pods that may be away at a time.", 1),
});

export const Values = group("", {
  nameOverride: name("Instead of the chart's name in names and labels."),
  fullnameOverride: name("Instead of names made of the release's name."),
  tenant: text("Tenant (project). Default: the namespace.", "", "^([a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?)?$"),
  publicUrl: text(
    "**Required.** Where users reach the service; links start with it, e.g. `https://orders.example.org`.",
    "",
    "^(https?://.+)?$",
  ),
  prefix: text("Path of the order service below it.", "/api/v1/rs-order", "^(/[A-Za-z0-9_.~-]+)+$"),
  logLevel: choice("How much is logged (JSON lines on stderr).", ["info", "debug", "warn", "error"]),

  image: group("The program; all roles and Jobs run the same image.", {
    repository: text("Repository.", "ghcr.io/regards-order/regards-order"),
    tag: text("Tag. Default: the chart's appVersion."),
    digest: text("Digest, `sha256:…`; wins over the tag.", "", "^(sha256:[0-9a-f]{64})?$"),
    pullPolicy: choice("When it is pulled.", ["IfNotPresent", "Always", "Never"]),
    pullSecrets: names("Secrets for the registry."),
  }),

  database: secretKey(
    "**Required.** The PostgreSQL of the tenant, as an address `postgres://user:password@host:5432/database`.",
    "url",
  ),
  jwt: secretKey(
    "**Required.** The secret that signs tokens (at least 32 bytes); shared with REGARDS where it issues them.",
    "secret",
  ),
  oidc: group("Tokens of other issuers.", {
    issuers: passedList("Issuers, e.g. `[{issuer: https://…, audience: orders}]` (docs/tokens.md)."),
  }),

  blobs: group("Where fetched files are kept: an object store, or a volume that all pods share.", {
    s3: group("**Either** an object store:", {
      bucket: text("Bucket; set: the object store is used."),
      prefix: text("Path in the bucket."),
      endpoint: text("Address of a store that is not Amazon's.", "", "^(https?://.+)?$"),
      region: text("Region.", "us-east-1"),
      existingSecret: name("Secret with the access key."),
      accessKeyIdKey: text("Key of the Secret with the access key's id.", "accessKeyId"),
      secretAccessKeyKey: text("Key of the Secret with the access key.", "secretAccessKey"),
    }),
    existingClaim: name("**Or** a PersistentVolumeClaim that exists (ReadWriteMany, or one node only)."),
    claim: group("**Or** a claim that the chart makes, and leaves when it is uninstalled:", {
      create: flag("Makes it.", false),
      size: quantity("Its size.", "100Gi"),
      storageClassName: name("Its storage class. Default: the cluster's."),
      accessModes: names("How it is mounted.", ["ReadWriteMany"]),
    }),
  }),

  sources: group("Where products' files lie.", {
    s3: group("Object store of `s3:` sources, where it is not the one of the blobs.", {
      existingSecret: name(
        "Secret with keys as in the environment: `ORDER_SOURCE_S3_ENDPOINT`, `…_REGION`, `…_ACCESS_KEY_ID`, `…_SECRET_ACCESS_KEY`.",
      ),
    }),
  }),

  mail: group("Mails to users. Without a Secret there are none.", {
    existingSecret: name("Secret with the mail server's address, `smtp://user:password@host:587`."),
    key: text("Key in it.", "url"),
    from: text("Sender."),
    replyTo: text("Where answers go."),
  }),

  api: group("The REST API.", {
    replicas: count("How many; left to the autoscaler where that is on.", 2),
    resources: resources("100m", "192Mi", "1Gi"),
    drainSeconds: count(
      "How long a pod that is to stop goes on answering, until every node sends its requests elsewhere.",
      5,
      { maximum: 600 },
    ),
    stopSeconds: count("How long downloads that are under way may take then; they can be resumed.", 45, {
      maximum: 3600,
    }),
    service: group("Its Service.", {
      type: choice("Type.", ["ClusterIP", "NodePort", "LoadBalancer"]),
      port: count("Port.", 80, { minimum: 1, maximum: 65_535 }),
      annotations: words("Annotations."),
    }),
    autoscaling: group("A HorizontalPodAutoscaler.", {
      enabled: flag("Makes it.", false),
      minReplicas: count("At least.", 2, { minimum: 1 }),
      maxReplicas: count("At most.", 6, { minimum: 1 }),
      cpuPercent: count("Load of the CPU request that is aimed at.", 75, { minimum: 1 }),
    }),
    disruption,
    ...spread,
    ...deployment,
    ...placement,
  }),

  operator: group("Who carries out the orders: one acts, the others stand by.", {
    replicas: count("How many.", 2),
    resources: resources("100m", "192Mi", "512Mi"),
    disruption,
    ...spread,
    ...deployment,
    ...placement,
  }),

  amqp: group("Requests over RabbitMQ.", {
    enabled: flag("Runs the listener.", false),
    existingSecret: name(
      "Secret with the broker's address, `amqp://user:password@host:5672/regards.multitenant.manager`.",
    ),
    key: text("Key in it.", "url"),
    replicas: count("How many; left to KEDA where that is on.", 1),
    resources: resources("100m", "192Mi", "512Mi"),
    deliveries: group("Deliveries (rs-delivery): whole orders as archives in a bucket.", {
      bucket: text("Bucket; set: delivery requests are taken."),
      prefix: text("Path in the bucket."),
      endpoint: text("Address of a store that is not Amazon's. Default: that of the blobs.", "", "^(https?://.+)?$"),
      region: text("Region. Default: that of the blobs."),
      existingSecret: name("Secret with the access key. Default: that of the blobs."),
      accessKeyIdKey: text("Key of the Secret with the access key's id.", "accessKeyId"),
      secretAccessKeyKey: text("Key of the Secret with the access key.", "secretAccessKey"),
    }),
    keda: group("Scaling by the length of the queue (needs KEDA).", {
      enabled: flag("Makes the ScaledObject.", false),
      minReplicas: count("At least.", 1),
      maxReplicas: count("At most.", 4, { minimum: 1 }),
      messages: count("Waiting requests for each replica.", 200, { minimum: 1 }),
    }),
    disruption,
    ...spread,
    ...deployment,
    ...placement,
  }),

  jobs: group("The Jobs that fetch files.", {
    resources: resources("100m", "128Mi", "512Mi"),
    temporarySpace: quantity("Most that /tmp of a Job may hold: with an object store, files on their way."),
    workSpace: quantity("Most that the inputs and outputs of a process may take on the node; its /tmp likewise."),
    deadlineSeconds: count("A Job that runs longer is ended; its files are fetched by another.", 86_400, {
      minimum: 60,
    }),
    backoffLimit: count("How often a Job's pod may fail.", 6, { maximum: 100 }),
    ttlSeconds: count("How long an ended Job is kept to be looked at.", 600),
    queueName: name("Kueue's LocalQueue that the Jobs wait in."),
    ...placement,
  }),

  runAs: group("Numeric ids of the containers' user; null leaves the choice to the cluster (OpenShift).", {
    user: id("User."),
    group: id("Group."),
    fsGroup: id("Group that owns mounted volumes."),
  }),

  serviceAccount: group("Accounts of the roles: one each, and only what each needs.", {
    annotations: words("Annotations of all of them."),
  }),

  ingress: group("An Ingress for the API.", {
    enabled: flag("Makes it.", false),
    className: name("Its class."),
    annotations: words("Annotations."),
    host: text("Host. Default: that of `publicUrl`."),
    tlsSecret: name("Secret with the certificate; empty: none."),
  }),
  httpRoute: group("An HTTPRoute of the Gateway API for the API.", {
    enabled: flag("Makes it.", false),
    parentRefs: passedList("Gateways that it belongs to."),
    hostnames: names("Hosts. Default: that of `publicUrl`."),
  }),

  networkPolicy: group(
    "What may talk to the pods and to what they may talk. All else is closed, and cloud metadata always. Works where the cluster's network enforces policies.",
    {
      enabled: flag("Makes the policies.", true),
      ingressFrom: passedList("Who reaches the API (peers of a NetworkPolicy). Default: anybody."),
      metricsFrom: passedList("Who reads metrics. Default: anybody in the cluster."),
      kubernetesPorts: ports("Ports at which the roles reach Kubernetes, wherever it is.", [443, 6443]),
      servicePorts: ports(
        "Ports that the roles reach, beside DNS and those of endpoints and issuers among these values: PostgreSQL, RabbitMQ, object store, sources, webhooks, mail.",
        [5432, 5671, 5672, 80, 443, 465, 587],
      ),
      jobPorts: ports(
        "Ports that Jobs reach, beside DNS and those of endpoints among these values: PostgreSQL, and the sources and stores of files.",
        [5432, 80, 443],
      ),
      jobsTo: passedList(
        "Whom Jobs reach at their ports (peers of a NetworkPolicy), e.g. only the database and the archive. Default: anybody.",
      ),
    },
  ),

  monitoring: group("For Prometheus and Grafana. `/metrics` of all roles is on port 9080, which is not for users.", {
    labels: words("Labels by which the Prometheus operator finds its objects."),
    serviceMonitor: group("A ServiceMonitor (needs the Prometheus operator).", {
      enabled: flag("Makes it.", false),
      interval: text("How often metrics are read.", "30s", "^[0-9]+(ms|s|m)$"),
    }),
    rules: group("Alerts as a PrometheusRule.", {
      enabled: flag("Makes it.", false),
      runbooks: text(
        "Where the pages of docs/runbooks are.",
        "https://github.com/regards-order/regards-order/blob/main/docs/runbooks",
      ),
    }),
    dashboard: group("A Grafana dashboard as a ConfigMap.", {
      enabled: flag("Makes it.", false),
      labels: words("Labels by which Grafana's sidecar finds it.", { grafana_dashboard: "1" }),
    }),
  }),

  tracing: group("Traces: one for each order, from the request to its Jobs, as OTLP over HTTP.", {
    endpoint: text(
      "The collector, e.g. `http://collector.observability:4318`. Empty: no traces.",
      "",
      "^(https?://.+)?$",
    ),
  }),

  extraEnv: passedList("More variables of all containers, Jobs too."),
  extraVolumes: passedList("More volumes of all pods, Jobs too: source folders, certificates of an own authority."),
  extraVolumeMounts: passedList("Where they are mounted."),
  hostAliases: passedList("Names that no DNS knows (roles only)."),
});

function id(description: string) {
  return { ...count(description, 65_532, { minimum: 1 }), type: ["integer", "null"] } as unknown as ReturnType<
    typeof count
  >;
}
