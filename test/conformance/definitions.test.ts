/** The definitions on a server: taken as structural, each bound tried at and past it, each rule broken once; the local server and a real one say the same. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { customResourceDefinitions } from "#crds/definitions.ts";
import type { SchemaNode } from "#crds/structural.ts";
import { boundCases } from "./bounds.ts";
import { type Body, type KubeUnderTest, onEachKubernetes } from "./kube-under-test.ts";

const TIME = "2026-01-01T00:00:00Z";
const CONDITION = {
  type: "Ready",
  status: "True",
  reason: "Because",
  message: "m",
  lastTransitionTime: TIME,
  observedGeneration: 1,
};
const FILES = { total: 1, pending: 1, available: 1, downloaded: 1, failed: 1 };
const PROCESS_CALL = { name: "p", parameters: { a: "1" } };
/** A good object of each kind that has every field. */
const FULL: Readonly<Record<string, { readonly spec: object; readonly status: object }>> = {
  Order: {
    spec: {
      owner: "a@example.com",
      label: "May",
      correlationId: "c-1",
      selections: [
        {
          dataset: "URN:1",
          query: "x:1",
          geometry: "POINT (1 2)",
          includeIds: ["a"],
          excludeIds: ["b"],
          before: TIME,
          fileTypes: ["RAWDATA"],
          fileNamePattern: ".*",
        },
        { query: "x:1", process: PROCESS_CALL },
      ],
      sizeLimitBytes: 10,
      subOrderAvailabilitySeconds: 60,
      suspend: false,
      shutdown: "Cancel",
      retry: 0,
    },
    status: {
      orderId: 1,
      observedGeneration: 1,
      conditions: [CONDITION],
      files: FILES,
      bytes: { total: 1, available: 1, failed: 0 },
      subOrders: { total: 1, waiting: 0, running: 1, succeeded: 0, failed: 0 },
      percentCompleted: 5,
      expirationTime: TIME,
      startTime: TIME,
      completionTime: TIME,
      message: "m",
    },
  },
  SubOrder: {
    spec: { orderName: "o", orderId: 1, number: 1, attempt: 1, files: 1, bytes: 1, process: PROCESS_CALL },
    status: {
      observedGeneration: 1,
      conditions: [CONDITION],
      jobName: "j",
      attempt: 1,
      files: FILES,
      notBefore: TIME,
      startTime: TIME,
      completionTime: TIME,
    },
  },
  Process: {
    spec: {
      title: "t",
      description: "d",
      image: "i",
      command: ["c"],
      scope: "SubOrder",
      parameters: { type: "object" },
      role: "REGISTERED_USER",
      datasets: ["URN:1"],
      inputs: ["RAWDATA"],
      limits: { files: 1, products: 1, bytes: 1, forbidSplit: false },
      resources: { requests: { cpu: "1" }, limits: { cpu: "1" } },
      deadlineSeconds: 60,
    },
    status: { observedGeneration: 1, conditions: [CONDITION] },
  },
};

type Broken = {
  readonly kind: string;
  readonly message: string;
  readonly field: string;
  readonly before?: object;
  readonly now: object;
};

/** Rules at creation, then rules of change: each broken by one field. */
const BROKEN: readonly Broken[] = [
  broken("Order", "must name at least one of", "spec.selections[0]", { now: { selections: [{ excludeIds: ["a"] }] } }),
  broken("Order", "must not have both", "spec.selections[0]", {
    now: { selections: [{ query: "x", process: { name: "p" }, fileTypes: ["RAWDATA"] }] },
  }),
  broken("Order", "`owner` must not change", "spec.owner", { now: { owner: "b@example.com" }, before: {} }),
  broken("Order", "`label` must not change", "spec.label", { now: { label: "June" }, before: {} }),
  broken("Order", "`correlationId` must not change", "spec.correlationId", {
    now: { correlationId: "c-2" },
    before: {},
  }),
  broken("Order", "`selections` must not change", "spec.selections", {
    now: { selections: [{ query: "y" }] },
    before: {},
  }),
  broken("Order", "`sizeLimitBytes` must not change", "spec.sizeLimitBytes", {
    now: { sizeLimitBytes: 11 },
    before: {},
  }),
  broken("Order", "`subOrderAvailabilitySeconds` must not change", "spec.subOrderAvailabilitySeconds", {
    now: { subOrderAvailabilitySeconds: 61 },
    before: {},
  }),
  broken("Order", "`shutdown` is one way", "spec.shutdown", {
    now: { shutdown: "Cancel" },
    before: { shutdown: "Delete" },
  }),
  broken("Order", "`retry` must not be lowered", "spec.retry", { now: { retry: 1 }, before: { retry: 2 } }),
  broken("Order", "`retry` must not be raised where a selection has a `process`", "spec.retry", {
    now: { retry: 1 },
    before: {},
  }),
  broken("SubOrder", "`orderName`, `orderId` and `number` must not change", "spec", { now: { number: 2 }, before: {} }),
  broken("SubOrder", "`attempt` must not be lowered", "spec.attempt", { now: { attempt: 1 }, before: { attempt: 2 } }),
];

function broken(kind: string, message: string, field: string, o: { before?: object; now: object }): Broken {
  return { kind, message, field, ...o };
}

onEachKubernetes(({ open }) => {
  let kube: KubeUnderTest;
  beforeAll(async () => {
    kube = await open("definitions");
  });
  afterAll(() => kube.stop());

  test("the rules that are broken below are all there are", () => {
    const rules = customResourceDefinitions().flatMap(({ spec: { names, versions } }) =>
      messages(versions[0]?.schema.openAPIV3Schema ?? {}).map((message) => `${names.kind}: ${message}`),
    );
    const untried = rules.filter((rule) => !BROKEN.some(({ kind, message }) => rule.startsWith(`${kind}: ${message}`)));
    expect(untried).toEqual([]);
    expect(rules).toHaveLength(BROKEN.length);
  });

  for (const { spec: definition, metadata } of customResourceDefinitions()) {
    const { kind, plural } = definition.names;
    const schema = definition.versions[0]?.schema.openAPIV3Schema ?? {};
    const full = { apiVersion: `${definition.group}/v1alpha1`, kind, metadata: { name: "full" }, ...FULL[kind] };
    const path = () => `/apis/${definition.group}/v1alpha1/namespaces/${kube.namespace}/${plural}`;

    describe(kind, () => {
      test("is taken as structural, its names too", async () => {
        const { body } = await kube.request(
          "GET",
          `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${metadata.name}`,
        );
        const conditions = body.status.conditions.map((item: Body) => `${item.type}=${item.status}`);
        expect(conditions).toContain("Established=True");
        expect(conditions).toContain("NamesAccepted=True");
        expect(conditions.join()).not.toContain("NonStructural");
      });

      test("every bound of the spec holds", async () => {
        const cases = boundCases(part(schema, "spec"), full, ["spec"]);
        const ask = (object: unknown) => kube.request("POST", `${path()}?dryRun=All`, object);
        expect(await wrong(cases, ask)).toEqual([]);
      });

      test("every bound of the status holds", async () => {
        const { body: made } = await kube.request("POST", path(), full);
        const cases = boundCases(part(schema, "status"), { ...made, status: full.status }, ["status"]);
        const ask = (object: unknown) => kube.request("PUT", `${path()}/full/status?dryRun=All`, object);
        expect(await wrong(cases, ask)).toEqual([]);
      });

      for (const { message, field, before, now } of BROKEN.filter((rule) => rule.kind === kind)) {
        test(`refuses what breaks the rule "${message}"`, async () => {
          const name = `rule-${crypto.randomUUID().slice(0, 8)}`;
          const object = (change: object) => ({
            ...full,
            metadata: { name },
            spec: { ...full.spec, shutdown: undefined, ...change },
          });
          if (before) expect((await kube.request("POST", path(), object(before))).code).toBe(201);
          const { code, body } = before
            ? await kube.request("PATCH", `${path()}/${name}`, { spec: now })
            : await kube.request("POST", path(), object(now));
          expect(code).toBe(422);
          expect(body.message).toContain(message);
          expect(body.details.causes.map((cause: Body) => cause.field)).toEqual([field]);
        });
      }
    });
  }
});

/** The cases in which the server did not say what it should. */
async function wrong(
  cases: ReturnType<typeof boundCases>,
  ask: (object: unknown) => ReturnType<KubeUnderTest["request"]>,
): Promise<readonly string[]> {
  expect(cases.length).toBeGreaterThan(10);
  const answers = cases.map(async ({ name, object, want }) => {
    const { code, body } = await ask(object);
    if (!want) return code < 300 ? [] : [`${name}: is refused: ${body.message}`];
    const causes = (body.details?.causes ?? []).map((cause: Body) => `${cause.field} ${cause.reason}`);
    return causes.includes(`${want.field} ${want.reason}`)
      ? []
      : [`${name}: ${code}, not ${want.reason} but ${causes} ${body.message}`];
  });
  return (await Promise.all(answers)).flat();
}

function part(schema: SchemaNode, name: string): SchemaNode {
  return (schema["properties"] as Record<string, SchemaNode>)[name] ?? {};
}

function messages(schema: SchemaNode): readonly string[] {
  const own = ((schema["x-kubernetes-validations"] ?? []) as readonly { message: string }[]).map(
    ({ message }) => message,
  );
  const below = Object.values((schema["properties"] ?? {}) as Record<string, SchemaNode>);
  const items = schema["items"] ? [schema["items"] as SchemaNode] : [];
  return [...own, ...[...below, ...items].flatMap(messages)];
}
