/**
 * What a release does only when something is in its way, and the right that it needs for it: objects of others under its names, Jobs that should be over,
 * resources that vanish while nobody looks. Each leaves its requests in the audit log, and ends as it should.
 */
import { pino } from "pino";
import { acceptOrder } from "#api/orders/accept.ts";
import { postgresCatalogue } from "#catalog/catalogue.ts";
import { API_VERSION, LABELS, MANAGER } from "#crds/names.ts";
import { handlerTransport } from "#kube/transport.ts";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { FULLNAME, type Rule } from "./release.ts";
import { ADA, type TenantGround } from "./tenant-ground.ts";

type Metadata = {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly object[];
};

/** A Job that has no pod and never ends. */
function idleJob(metadata: Metadata) {
  const containers = [{ name: "none", image: "localhost/none:1" }];
  const template = { spec: { restartPolicy: "Never", containers } };
  return { apiVersion: "batch/v1", kind: "Job", metadata, spec: { suspend: true, template } };
}

/** Somebody's Job has the name of ours: it is looked at, left alone and told of, until it is gone. */
export async function foreignJob(ground: TenantGround): Promise<void> {
  await ground.products("foreign", [new Uint8Array(10)]);
  await ground.apply(idleJob({ name: "foreign-1-a1" }));
  await ground.order("foreign");
  const message = `{.status.conditions[?(@.type=="Succeeded")].message}`;
  await eventually(
    "the sub-order says whose the Job is",
    async () => (await ground.get("suborder foreign-1", message)).includes("belongs to something else"),
    LIMIT.slow,
  );
  await ground.kubectl(["delete", "job", "foreign-1-a1"]);
  await ground.wait("foreign", "Succeeded");
}

/** A Job of an earlier attempt goes on although it should not: it is stopped before the next attempt begins. */
export async function jobThatGoesOn(ground: TenantGround): Promise<void> {
  await ground.products("rival", [new Uint8Array(10)]);
  const file = ground.source.files.get("/rival-0");
  ground.source.files.delete("/rival-0");
  await ground.order("rival");
  await ground.wait("rival", "Succeeded=False");
  const [uid, orderId] = (await ground.get("suborder rival-1", "{.metadata.uid} {.spec.orderId}")).split(" ");
  const labels = { [LABELS.order]: orderId ?? "", [LABELS.subOrder]: "1", [LABELS.managedBy]: MANAGER };
  const owner = { apiVersion: API_VERSION, kind: "SubOrder", name: "rival-1", uid, controller: true };
  await ground.apply(idleJob({ name: "goes-on", labels, ownerReferences: [owner] }));
  if (file) ground.source.files.set("/rival-0", file);
  await ground.kubectl(["patch", "order", "rival", "--type=merge", "-p", JSON.stringify({ spec: { retry: 1 } })]);
  await ground.wait("rival", "Succeeded");
  await ground.kubectl(["wait", "--for=delete", "job/goes-on", "--timeout=20s"]);
}

/** The same said again becomes a series of the first Event. */
export async function pausedTwice(ground: TenantGround): Promise<void> {
  const suspend = (wanted: boolean) =>
    ground.kubectl(["patch", "order", "twice", "--type=merge", "-p", JSON.stringify({ spec: { suspend: wanted } })]);
  await ground.products("twice", [new Uint8Array(200_000)], { pace: { pieceBytes: 2_000, everyMs: 100 } });
  await ground.order("twice");
  await ground.aPodRuns("twice");
  for (let time = 1; time <= 2; time++) {
    await suspend(true);
    await ground.wait("twice", "Suspended");
    await suspend(false);
    await ground.wait("twice", "Suspended=False");
  }
  const series = "{range .items[?(@.series)]}{.regarding.name} {.reason} {.series.count}{end}";
  await eventually("the second pause is in the Event of the first", async () =>
    (await ground.get("events.v1.events.k8s.io", series)).includes("twice Suspended 2"),
  );
  await ground.kubectl(["delete", "order", "twice", "--timeout=40s"]);
}

/** An accepted order whose maker died before there was a resource of it: only the row is there. */
export async function orderWithoutResource(ground: TenantGround): Promise<string> {
  await ground.products("promised", [new Uint8Array(10)]);
  const dead = handlerTransport(() => new Response("away", { status: 503 }), { namespace: ground.namespace });
  const { db } = ground;
  const deps = { db, transport: dead, catalogue: postgresCatalogue(db), logger: pino({ level: "silent" }) };
  const body = { user: ADA, queries: ['name:"promised"'], correlationId: "promised" };
  const answer = await acceptOrder({ ...deps, now: () => new Date() }, { body, channel: "rest" });
  if (answer.kind !== "accepted") throw new Error(`The order was refused: ${JSON.stringify(answer)}`);
  return answer.row.resourceName;
}

/** Somebody takes away an order's resource, and perhaps makes another of its name. */
export async function takeAway(ground: TenantGround, name: string, o: { readonly replace: boolean }): Promise<void> {
  await ground.kubectl(["delete", "order", name, "--timeout=20s"]);
  if (o.replace) await ground.order(name, { owner: "somebody@example.org" });
}

/** Nobody acts on orders meanwhile. */
export async function withoutOperator(ground: TenantGround, act: () => Promise<void>): Promise<void> {
  const scale = (replicas: number) =>
    ground.kubectl(["scale", `deployment/${FULLNAME}-operator`, `--replicas=${replicas}`]);
  await scale(0);
  const pods = `pods -l app.kubernetes.io/component=operator`;
  await eventually(
    "no operator runs",
    async () => (await ground.get(pods, "{.items[*].metadata.name}")) === "",
    LIMIT.slow,
  );
  try {
    await act();
  } finally {
    await scale(2);
  }
}

/** An account with these rules and no others. */
export async function grant(ground: TenantGround, name: string, rules: readonly Rule[]): Promise<void> {
  const { namespace } = ground;
  const metadata = { name, namespace };
  const group = "rbac.authorization.k8s.io";
  await ground.apply(
    { apiVersion: "v1", kind: "ServiceAccount", metadata },
    { apiVersion: `${group}/v1`, kind: "Role", metadata, rules },
    {
      apiVersion: `${group}/v1`,
      kind: "RoleBinding",
      metadata,
      roleRef: { apiGroup: group, kind: "Role", name },
      subjects: [{ kind: "ServiceAccount", name, namespace }],
    },
  );
}

/** Has an account make children that hold up the deletion of order `walk` and of its sub-order, without keeping them; what it is told when it may not. */
export async function tryChildren(ground: TenantGround, account: string): Promise<{ subOrder: string; job: string }> {
  const owned = async (kind: "Order" | "SubOrder", name: string) => {
    const uid = await ground.get(`${kind.toLowerCase()} ${name}`, "{.metadata.uid}");
    const owner = { apiVersion: API_VERSION, kind, name, uid, controller: true, blockOwnerDeletion: true };
    return { name: "child", ownerReferences: [owner] };
  };
  const spec = { orderName: "walk", orderId: 1, number: 99, attempt: 1, files: 1, bytes: 1 };
  const metadata = await owned("Order", "walk");
  const told = async (object: object) => {
    const as = `--as=system:serviceaccount:${ground.namespace}:${account}`;
    const { code, stderr } = await ground.tryKubectl(
      ["create", "--dry-run=server", as, "-f", "-"],
      JSON.stringify(object),
    );
    return code === 0 ? "" : stderr;
  };
  return {
    subOrder: await told({ apiVersion: API_VERSION, kind: "SubOrder", metadata, spec }),
    job: await told(idleJob(await owned("SubOrder", "walk-1"))),
  };
}
