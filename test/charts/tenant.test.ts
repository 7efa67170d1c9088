/** The tenant chart as it is rendered: what is there, what is not, and what is refused. That a cluster takes it is tried in test/cluster. */
import { beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { parseJobConfig } from "#cli/roles/job-config.ts";
import { type Helm, testHelm } from "#test/support/helm.ts";
import { CHARTS, LEAST, MOST, type Objects, type Rendered, render } from "./rendered.ts";

const helm = await testHelm();

describe.skipIf(!helm)("the tenant chart", () => {
  const run: Helm = helm ?? (() => Promise.reject(new Error("Cannot run helm: it is not there")));
  let least: Objects;
  let most: Objects;
  beforeAll(async () => {
    [least, most] = await Promise.all([render(run, LEAST), render(run, MOST)]);
  });

  const deployments = () => [...least.of("Deployment"), ...most.of("Deployment")];
  const env = (deployment: Rendered): Record<string, Rendered> =>
    Object.fromEntries(
      deployment.spec.template.spec.containers[0].env.map((variable: Rendered) => [variable.name, variable]),
    );

  test("passes Helm's lint, the CRD chart too", async () => {
    for (const [chart, values] of [
      ["regards-order", MOST],
      ["regards-order-crds", {}],
    ] as const) {
      const { code, stdout } = await run(["lint", "--strict", join(CHARTS, chart), "-f", "-"], JSON.stringify(values));
      expect([code, stdout]).toEqual([0, expect.stringContaining("0 chart(s) failed")]);
    }
  });

  test("makes namespaced objects only, each in the release's namespace, each under its own name", () => {
    const clusterWide =
      /^(ClusterRole|ClusterRoleBinding|Namespace|CustomResourceDefinition|PriorityClass|.*Webhook.*)$/;
    for (const { all } of [least, most]) {
      expect(all.filter(({ kind }) => clusterWide.test(kind))).toEqual([]);
      expect(all.filter(({ metadata }) => metadata.namespace !== "landsat")).toEqual([]);
      const names = all.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
      expect(new Set(names).size).toBe(names.length);
    }
  });

  test("makes nothing by default that needs what a cluster may not have", () => {
    expect([...new Set(least.all.map(({ apiVersion }) => apiVersion))].sort()).toEqual([
      "apps/v1",
      "networking.k8s.io/v1",
      "policy/v1",
      "rbac.authorization.k8s.io/v1",
      "v1",
    ]);
    expect(least.of("Ingress")).toEqual([]);
    expect(least.of("Deployment").map(({ metadata }) => metadata.name)).toEqual([
      "orders-regards-order-api",
      "orders-regards-order-operator",
    ]);
  });

  test("keeps every pod to the Pod Security level restricted", () => {
    const pods = [...deployments().map((each) => each.spec.template.spec), ...least.of("Pod").map((each) => each.spec)];
    expect(pods.length).toBe(6);
    for (const { securityContext, containers, volumes = [] } of pods) {
      expect(securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } });
      for (const container of containers) {
        expect(container.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"] },
        });
        expect(container.resources.limits.memory).toBeString();
        expect(container.resources.requests).toMatchObject({ cpu: expect.any(String), memory: expect.any(String) });
      }
      expect(volumes.filter((volume: Rendered) => volume.hostPath)).toEqual([]);
    }
  });

  test("holds no secret: they are references, and no Secret is made", () => {
    for (const { all, of } of [least, most]) {
      expect(of("Secret")).toEqual([]);
      expect(JSON.stringify(all)).not.toContain("postgres://");
    }
    const api = env(most.one("Deployment", "orders-regards-order-api"));
    expect(api["ORDER_DATABASE_URL"].valueFrom.secretKeyRef).toEqual({ name: "orders", key: "url" });
    expect(api["ORDER_JWT_SECRET"].valueFrom.secretKeyRef).toEqual({ name: "orders", key: "secret" });
    expect(api["ORDER_S3_SECRET_ACCESS_KEY"].valueFrom.secretKeyRef).toEqual({ name: "s3", key: "secretAccessKey" });
    expect(api["ORDER_SMTP_URL"].valueFrom.secretKeyRef).toEqual({ name: "mail", key: "url" });
  });

  test("tells the roles no more than they need: only the api signs tokens, only the listener knows the broker", () => {
    const holders = (name: string) =>
      most
        .of("Deployment")
        .filter((each) => name in env(each))
        .map(({ metadata }) => metadata.name.replace("orders-regards-order-", ""));
    expect(holders("ORDER_JWT_SECRET")).toEqual(["api"]);
    expect(holders("ORDER_AMQP_URL")).toEqual(["amqp"]);
    expect(holders("ORDER_JOB_CONFIG")).toEqual(["operator"]);
  });

  test("gives the operator a job template that it takes, without what a worker has no use for", () => {
    for (const objects of [least, most]) {
      const text: string = objects.one("ConfigMap", "orders-regards-order-jobs").data["jobs.yaml"];
      const template = parseJobConfig(text, "jobs.yaml");
      expect(template).toMatchObject({ args: ["worker"], runAs: { user: 65532 }, backoffLimit: 6 });
      expect(text).not.toMatch(/JWT|SMTP|AMQP/);
    }
    const text: string = most.one("ConfigMap", "orders-regards-order-jobs").data["jobs.yaml"];
    expect(parseJobConfig(text, "jobs.yaml")).toMatchObject({
      queueName: "archive",
      temporarySpace: "20Gi",
      envFrom: [{ secretRef: { name: "sources" } }],
      volumes: [{ name: "ca" }],
      imagePullSecrets: ["registry"],
    });
  });

  test("tells roles and Jobs alike where traces go, only where they are wanted", () => {
    const collector = "http://collector:4318";
    for (const each of most.of("Deployment")) expect(env(each)["OTEL_EXPORTER_OTLP_ENDPOINT"].value).toBe(collector);
    expect(most.one("ConfigMap", "orders-regards-order-jobs").data["jobs.yaml"]).toContain(collector);
    expect(JSON.stringify(least.all)).not.toContain("OTEL");
  });

  test("gives Deployments the annotations of who restarts them when a Secret changes, pods their own", () => {
    const { metadata, spec } = most.one("Deployment", "orders-regards-order-api");
    expect([metadata.annotations, spec.template.metadata.annotations]).toEqual([{ reload: "true" }, { note: "x" }]);
    expect(least.one("Deployment", "orders-regards-order-api").metadata.annotations).toBeUndefined();
  });

  test("starts the operator anew when its job template changes", async () => {
    const checksum = (objects: Objects) =>
      objects.one("Deployment", "orders-regards-order-operator").spec.template.metadata.annotations["checksum/jobs"];
    const other = await render(run, { ...LEAST, jobs: { ttlSeconds: 1 } });
    expect(checksum(other)).not.toBe(checksum(least));
    expect(checksum(await render(run, { ...LEAST, api: { replicas: 3 } }))).toBe(checksum(least));
  });

  test("names the image by tag, by default the chart's version, or by digest", async () => {
    const image = (objects: Objects) =>
      objects.one("Deployment", "orders-regards-order-api").spec.template.spec.containers[0].image;
    expect(image(least)).toBe("ghcr.io/regards-order/regards-order:0.1.0");
    expect(image(most)).toBe(`ghcr.io/regards-order/regards-order@sha256:${"a".repeat(64)}`);
    const local = await render(run, { ...LEAST, image: { repository: "localhost/regards-order", tag: "test" } });
    expect(image(local)).toBe("localhost/regards-order:test");
  });

  test("selects pods by what stays the same from version to version", () => {
    for (const deployment of deployments()) {
      const { matchLabels } = deployment.spec.selector;
      expect(Object.keys(matchLabels).sort()).toEqual([
        "app.kubernetes.io/component",
        "app.kubernetes.io/instance",
        "app.kubernetes.io/name",
      ]);
      expect(deployment.spec.template.metadata.labels).toMatchObject(matchLabels);
    }
  });

  test("keeps every name within a DNS label however long the release's is", async () => {
    const { all } = await render(run, MOST, { release: `a${"b".repeat(52)}` });
    expect(all.filter(({ metadata }) => metadata.name.length > 63)).toEqual([]);
  });

  test("leaves replicas to an autoscaler where there is one", () => {
    expect(most.one("Deployment", "orders-regards-order-api").spec.replicas).toBeUndefined();
    expect(most.one("Deployment", "orders-regards-order-amqp").spec.replicas).toBeUndefined();
    expect(least.one("Deployment", "orders-regards-order-api").spec.replicas).toBe(2);
    expect(most.of("HorizontalPodAutoscaler")).toHaveLength(1);
    const [scaled] = most.of("ScaledObject");
    expect(scaled.spec.triggers[0].metadata.queueName).toEndWith(".OrderRequestEventHandler.landsat");
  });

  test("lets downloads end: the pod lives longer than draining and stopping take", async () => {
    const { spec } = (await render(run, { ...LEAST, api: { drainSeconds: 10, stopSeconds: 300 } })).one(
      "Deployment",
      "orders-regards-order-api",
    ).spec.template;
    expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(310);
  });

  test("leads to the api by an Ingress and an HTTPRoute at the host of publicUrl", () => {
    const [ingress] = most.of("Ingress");
    expect(ingress.spec.rules[0].host).toBe("orders.example.org");
    expect(ingress.spec.tls).toEqual([{ hosts: ["orders.example.org"], secretName: "tls" }]);
    const [route] = most.of("HTTPRoute");
    expect(route.spec).toMatchObject({ hostnames: ["orders.example.org"], parentRefs: [{ name: "public" }] });
    expect(route.spec.rules[0].backendRefs).toEqual([{ name: "orders-regards-order-api", port: 80 }]);
  });

  test("gives each role its own account and rights, without a star; Jobs have none", () => {
    for (const { rules } of most.of("Role")) {
      for (const rule of rules) expect([...rule.verbs, ...rule.resources, ...rule.apiGroups]).not.toContain("*");
    }
    const subjects = most.of("RoleBinding").flatMap(({ subjects }) => subjects.map((each: Rendered) => each.name));
    expect(subjects.sort()).toEqual([
      "orders-regards-order-amqp",
      "orders-regards-order-api",
      "orders-regards-order-operator",
    ]);
    expect(most.of("ServiceAccount").map(({ metadata }) => metadata.name)).toContain("orders-regards-order-jobs");
  });

  test("closes the network but for what is named, and the cloud's metadata always", () => {
    const closed = least.one("NetworkPolicy", "orders-regards-order-closed");
    expect(closed.spec).toMatchObject({ policyTypes: ["Ingress", "Egress"] });
    expect(closed.spec.ingress ?? closed.spec.egress).toBeUndefined();
    for (const name of ["roles", "jobs"]) {
      const [names, others, ...more] = egress(least, name);
      expect([names.to, portsOf(names)]).toEqual([undefined, ["53/UDP", "53/TCP", "5353/UDP", "5353/TCP"]]);
      const [pods, ...addresses] = others.to;
      expect(pods).toEqual({ namespaceSelector: {} });
      expect(addresses.map(({ ipBlock }: Rendered) => ipBlock.except)).toEqual([
        ["169.254.0.0/16", "100.100.100.200/32"],
        ["fe80::/10", "fd00:ec2::254/128", "fd20:ce::254/128"],
      ]);
      const kubernetes = [{ ports: [443, 6443].map((port) => ({ port, protocol: "TCP" })) }];
      expect(more).toEqual(name === "roles" ? kubernetes : []);
    }
  });

  test("opens the ports of the endpoints that it is told, once, and with no port at all nothing but names", async () => {
    const objects = await render(run, {
      ...LEAST,
      blobs: { s3: { bucket: "orders", endpoint: "http://minio:9000/" } },
      amqp: {
        enabled: true,
        existingSecret: "amqp",
        deliveries: { bucket: "out", endpoint: "https://[fd00::1]:9443" },
      },
      tracing: { endpoint: "http://collector:4318" },
      oidc: {
        issuers: ["http://keycloak:8080/realms/x", "https://login.example.org", "https://[fd00::2]/"].map((issuer) => ({
          issuer,
          audience: "orders",
        })),
      },
      networkPolicy: { servicePorts: [5432, 8080], jobPorts: [] },
    });
    const tcp = (...ports: readonly number[]) => ports.map((port) => `${port}/TCP`);
    expect(portsOf(egress(objects, "roles")[1])).toEqual(tcp(5432, 8080, 9000, 9443, 4318, 443));
    expect(portsOf(egress(objects, "jobs")[1])).toEqual(tcp(9000, 4318));
    const none = await render(run, {
      ...LEAST,
      networkPolicy: { servicePorts: [], jobPorts: [], kubernetesPorts: [] },
    });
    for (const name of ["roles", "jobs"]) expect(egress(none, name)).toHaveLength(1);
  });

  test("lets its own test reach the API whoever else may, and Jobs whom they are told", async () => {
    const gateway = { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "gateway" } } };
    const archive = { ipBlock: { cidr: "10.1.0.0/16" } };
    const objects = await render(run, { ...LEAST, networkPolicy: { ingressFrom: [gateway], jobsTo: [archive] } });
    const own = { "app.kubernetes.io/instance": "orders", "app.kubernetes.io/name": "regards-order" };
    const from = objects.one("NetworkPolicy", "orders-regards-order-api").spec.ingress[0].from;
    const itsTest = { podSelector: { matchLabels: { ...own, "app.kubernetes.io/component": "test" } } };
    expect(from).toEqual([itsTest, gateway]);
    expect(egress(objects, "jobs")[1].to).toEqual([archive]);
    expect(least.one("NetworkPolicy", "orders-regards-order-api").spec.ingress[0].from).toBeUndefined();
  });

  test("keeps the users' files when a release with its own claim is uninstalled", async () => {
    const { of } = await render(run, { ...LEAST, blobs: { claim: { create: true, size: "1Ti" } } });
    const [claim] = of("PersistentVolumeClaim");
    expect(claim.metadata.annotations).toEqual({ "helm.sh/resource-policy": "keep" });
    expect(claim.spec).toMatchObject({ accessModes: ["ReadWriteMany"], resources: { requests: { storage: "1Ti" } } });
  });

  const refused: Record<string, { values: object; want: string | RegExp }> = {
    "no values at all": { values: {}, want: "publicUrl: the address where users reach the service is needed" },
    "no database": {
      values: { ...LEAST, database: {} },
      want: "database.existingSecret: the name of a Secret is needed",
    },
    "no place for files": { values: { ...LEAST, blobs: {} }, want: "blobs: one of s3.bucket, existingClaim and claim" },
    "two places for files": {
      values: { ...LEAST, blobs: { existingClaim: "a", s3: { bucket: "b" } } },
      want: "blobs: either s3.bucket or a claim is needed, not both",
    },
    "a misspelt value": {
      values: { ...LEAST, replicas: 3 },
      want: /additional propert(y|ies) 'replicas' not allowed/i,
    },
    "a misspelt value within": {
      values: { ...LEAST, api: { ressources: {} } },
      want: /additional propert(y|ies) 'ressources' not allowed/i,
    },
    "a password instead of a reference": {
      values: { ...LEAST, database: { url: "postgres://…" } },
      want: /additional propert(y|ies) 'url' not allowed/i,
    },
    "replicas that are no number": { values: { ...LEAST, api: { replicas: "two" } }, want: "/api/replicas" },
    "a public URL that is none": { values: { ...LEAST, publicUrl: "orders" }, want: "/publicUrl" },
    "a digest that is none": { values: { ...LEAST, image: { digest: "sha256:1" } }, want: "/image/digest" },
    "mails without a sender": {
      values: { ...LEAST, mail: { existingSecret: "m" } },
      want: "mail.from: the sender of the mails is needed",
    },
    "a listener without a broker": {
      values: { ...LEAST, amqp: { enabled: true } },
      want: "amqp.existingSecret: the name of a Secret is needed",
    },
  };
  for (const [name, { values, want }] of Object.entries(refused)) {
    test(`refuses ${name} and names it`, async () => {
      await expect(render(run, values)).rejects.toThrow(want);
    });
  }
});

/** The rules for what pods of a kind may turn to. */
function egress(objects: Objects, name: string): readonly Rendered[] {
  return objects.one("NetworkPolicy", `orders-regards-order-${name}`).spec.egress;
}

function portsOf(rule: Rendered): readonly string[] {
  return rule.ports.map(({ port, protocol }: Rendered) => `${port}/${protocol}`);
}
