import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type KubeObject, type ResourceType, resourceApi } from "#kube/resource.ts";
import { eventually } from "#test/support/eventually.ts";
import { type LocalCluster, localCluster } from "#test/support/local-cluster.ts";

const CONFIG_MAPS: ResourceType<KubeObject> = { group: "", version: "v1", plural: "configmaps", kind: "ConfigMap" };

let cluster: LocalCluster;
let maps: ReturnType<typeof resourceApi<KubeObject>>;
beforeAll(async () => {
  cluster = await localCluster("collector");
  maps = resourceApi(cluster.transport, CONFIG_MAPS);
});
afterAll(() => cluster.close());

async function make(name: string, owners: readonly KubeObject[] = [], o: { blocking?: boolean; uid?: string } = {}) {
  return maps.create({
    metadata: {
      name,
      ownerReferences: owners.map(({ metadata }) => ({
        apiVersion: "v1",
        kind: "ConfigMap",
        name: metadata.name,
        uid: o.uid ?? metadata.uid ?? "",
        ...(o.blocking ? { blockOwnerDeletion: true } : {}),
      })),
    },
  });
}

const gone = (name: string) => eventually(`${name} is gone`, async () => (await maps.get(name)) === undefined);

describe("Collector", () => {
  test("Collector deletes what is left of a deleted owner, to the last descendant", async () => {
    const owner = await make("background");
    const child = await make("background-child", [owner]);
    await make("background-grandchild", [child]);
    await maps.delete("background", { propagation: "Background" });
    await gone("background-grandchild");
    expect(await maps.get("background-child")).toBeUndefined();
  });

  test("Collector lets an owner go only after its dependents where that is asked for", async () => {
    const owner = await make("foreground");
    await maps.create({
      metadata: {
        name: "held",
        finalizers: ["example.org/hold"],
        ownerReferences: [
          {
            apiVersion: "v1",
            kind: "ConfigMap",
            name: "foreground",
            uid: owner.metadata.uid ?? "",
            blockOwnerDeletion: true,
          },
        ],
      },
    });
    await maps.delete("foreground", { propagation: "Foreground" });
    await eventually("the dependent is on its way", async () => (await maps.get("held"))?.metadata.deletionTimestamp);
    expect((await maps.get("foreground"))?.metadata.finalizers).toEqual(["foregroundDeletion"]);
    await maps.patch("held", { metadata: { finalizers: null } });
    await gone("foreground");
  });

  test("Collector leaves the dependents of an orphaning owner", async () => {
    const owner = await make("orphaning");
    await make("orphan", [owner]);
    await maps.delete("orphaning", { propagation: "Orphan" });
    await gone("orphaning");
    expect((await maps.get("orphan"))?.metadata.ownerReferences ?? []).toEqual([]);
  });

  test("Collector takes an owner of the same name but another UID for gone", async () => {
    const owner = await make("renewed");
    await make("of-the-old", [owner], { uid: crypto.randomUUID() });
    await gone("of-the-old");
    expect((await maps.get("renewed"))?.metadata.uid).toBe(owner.metadata.uid!);
  });

  test("Collector keeps what another owner still has", async () => {
    const [first, second] = [await make("first"), await make("second")];
    await make("shared", [first, second]);
    await maps.delete("first");
    const shared = await eventually("it forgets the first", async () => {
      const now = await maps.get("shared");
      return now?.metadata.ownerReferences?.length === 1 ? now : undefined;
    });
    expect(shared.metadata.ownerReferences?.[0]?.uid).toBe(second.metadata.uid!);
  });
});
