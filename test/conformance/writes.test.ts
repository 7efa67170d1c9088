/** What this project relies on when it writes to a Kubernetes API: the same of the local one and of a real one. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { APPLY, configMap, JSON_PATCH, order, STRATEGIC } from "#test/support/kube-objects.ts";
import { type KubeUnderTest, onEachKubernetes } from "./kube-under-test.ts";

onEachKubernetes(({ local, open }) => {
  let kube: KubeUnderTest;
  let orders: string;
  let maps: string;
  let pods: string;

  beforeAll(async () => {
    kube = await open("kube-writes");
    orders = `/apis/order.regards.io/v1alpha1/namespaces/${kube.namespace}/orders`;
    maps = `/api/v1/namespaces/${kube.namespace}/configmaps`;
    pods = `/api/v1/namespaces/${kube.namespace}/pods`;
  });
  afterAll(() => kube.stop());

  describe("create", () => {
    test("create fills in the server's metadata and the schema's defaults, and drops the status", async () => {
      const { code, body } = await kube.request("POST", orders, { ...order("made"), status: { message: "no" } });
      expect(code).toBe(201);
      expect(body.spec).toMatchObject({ suspend: false, retry: 0 });
      expect(body.status).toBeUndefined();
      expect(body.metadata).toMatchObject({ name: "made", namespace: kube.namespace, generation: 1 });
      expect(body.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
      expect(Date.parse(body.metadata.creationTimestamp)).toBeGreaterThan(0);
    });

    test("create makes names out of generateName", async () => {
      const { code, body } = await kube.request("POST", maps, { ...configMap(""), metadata: { generateName: "gen-" } });
      expect(code).toBe(201);
      expect(body.metadata.name).toMatch(/^gen-[a-z0-9]{5}$/);
    });

    test("create of what is there is refused with AlreadyExists", async () => {
      await kube.request("POST", maps, configMap("twice"));
      const { code, body } = await kube.request("POST", maps, configMap("twice"));
      expect([code, body.reason, body.message]).toEqual([409, "AlreadyExists", 'configmaps "twice" already exists']);
      expect(body.details).toMatchObject({ name: "twice", kind: "configmaps" });
    });

    test("create in a namespace that is not there is refused with NotFound", async () => {
      const { code, body } = await kube.request("POST", "/api/v1/namespaces/nowhere/configmaps", configMap("a"));
      expect([code, body.message]).toEqual([404, 'namespaces "nowhere" not found']);
    });

    test("create with dryRun=All answers as if, and keeps nothing", async () => {
      const { code } = await kube.request("POST", `${maps}?dryRun=All`, configMap("dry"));
      expect(code).toBe(201);
      expect((await kube.request("GET", `${maps}/dry`)).code).toBe(404);
    });

    test("create refuses what breaks the schema, each place with its cause", async () => {
      const bad = order("bad", {
        owner: "",
        shutdown: "Never",
        selections: [{ fileTypes: ["RAWDATA", "RAWDATA"], query: "x" }],
      });
      const { code, body } = await kube.request("POST", orders, bad);
      expect([code, body.reason]).toEqual([422, "Invalid"]);
      expect(body.details).toMatchObject({ name: "bad", group: "order.regards.io", kind: "Order" });
      const causes = body.details.causes.map((cause: { field: string; reason: string }) => [cause.field, cause.reason]);
      expect(causes).toContainEqual(["spec.owner", "FieldValueInvalid"]);
      expect(causes).toContainEqual(["spec.shutdown", "FieldValueNotSupported"]);
      expect(causes).toContainEqual(["spec.selections[0].fileTypes[1]", "FieldValueDuplicate"]);
    });

    test("create refuses what breaks a CEL rule, in the server's words", async () => {
      const { code, body } = await kube.request(
        "POST",
        orders,
        order("rule", { selections: [{ before: "2026-01-01T00:00:00Z" }] }),
      );
      expect(code).toBe(422);
      expect(body.message).toContain("must name at least one of `query`, `dataset`, `geometry`, `includeIds`");
      expect(body.details.causes[0]).toMatchObject({ field: "spec.selections[0]", reason: "FieldValueInvalid" });
    });

    test("keys of a map may be any words, also where rules compare it", async () => {
      const withParameters = (name: string, parameters: object) =>
        order(name, { selections: [{ query: "x:1", process: { name: "p", parameters } }] });
      const parameters = { constructor: "a", toString: "b", hasOwnProperty: "c" };
      expect((await kube.request("POST", orders, withParameters("words", parameters))).code).toBe(201);
      const paused = await kube.request("PATCH", `${orders}/words`, { spec: { suspend: true } });
      expect(paused.code).toBe(200);
      const process = { name: "p", parameters: { ...parameters, constructor: "another" } };
      const changed = await kube.request("PATCH", `${orders}/words`, {
        spec: { selections: [{ query: "x:1", process }] },
      });
      expect(changed.code).toBe(422);
      expect(changed.body.message).toContain("`selections` must not change");
    });

    test("create with unknown fields is refused when strict, warned of by default, silent when ignored", async () => {
      const strict = await kube.request("POST", `${orders}?fieldValidation=Strict`, order("strict", { bogus: 1 }));
      expect([strict.code, strict.body.reason]).toEqual([400, "BadRequest"]);
      expect(strict.body.message).toContain('strict decoding error: unknown field "spec.bogus"');
      const warned = await kube.request("POST", orders, order("warned", { bogus: 1 }));
      expect(warned.code).toBe(201);
      expect(warned.headers.get("warning")).toBe('299 - "unknown field \\"spec.bogus\\""');
      expect(warned.body.spec.bogus).toBeUndefined();
      const ignored = await kube.request("POST", `${orders}?fieldValidation=Ignore`, order("ignored", { bogus: 1 }));
      expect([ignored.code, ignored.headers.get("warning")]).toEqual([201, null]);
    });

    test("create refuses bad names and labels", async () => {
      const { code, body } = await kube.request("POST", maps, configMap("Bad_Name", {}, { labels: { "a b": "c" } }));
      expect(code).toBe(422);
      expect(body.details.causes.map((cause: { field: string }) => cause.field)).toEqual([
        "metadata.name",
        "metadata.labels",
      ]);
    });
  });

  describe("update", () => {
    test("replace with an old resourceVersion is refused with Conflict", async () => {
      const { body: made } = await kube.request("POST", maps, configMap("race", { a: "1" }));
      const first = await kube.request("PUT", `${maps}/race`, { ...made, data: { a: "2" } });
      expect(first.code).toBe(200);
      const second = await kube.request("PUT", `${maps}/race`, { ...made, data: { a: "3" } });
      expect([second.code, second.body.reason]).toEqual([409, "Conflict"]);
      expect(second.body.message).toStartWith(
        'Operation cannot be fulfilled on configmaps "race": the object has been modified',
      );
    });

    test("a replace of our resources and of their status must say which version it replaces", async () => {
      await kube.request("POST", orders, order("replaced"));
      for (const path of ["", "/status"]) {
        const { code, body } = await kube.request("PUT", `${orders}/replaced${path}`, order("replaced"));
        expect([code, body.details?.causes?.[0]?.field]).toEqual([422, "metadata.resourceVersion"]);
      }
    });

    test("an update that changes nothing leaves the resourceVersion", async () => {
      const { body: made } = await kube.request("POST", maps, configMap("same", { a: "1" }));
      const { body } = await kube.request("PATCH", `${maps}/same`, { data: { a: "1" } });
      expect(body.metadata.resourceVersion).toBe(made.metadata.resourceVersion);
    });

    test("the generation counts changes of the spec, not those of metadata or status", async () => {
      await kube.request("POST", orders, order("counted"));
      const generation = async (path: string, patch: unknown) =>
        (await kube.request("PATCH", `${orders}/counted${path}`, patch)).body.metadata.generation;
      expect(await generation("", { metadata: { labels: { a: "b" } } })).toBe(1);
      expect(await generation("/status", { status: { message: "hello" } })).toBe(1);
      expect(await generation("", { spec: { suspend: true } })).toBe(2);
    });

    test("spec and status are written apart", async () => {
      await kube.request("POST", orders, order("apart"));
      const { body: a } = await kube.request("PATCH", `${orders}/apart/status`, {
        spec: { suspend: true },
        status: { message: "set" },
      });
      expect([a.spec.suspend, a.status.message]).toEqual([false, "set"]);
      const { body: b } = await kube.request("PATCH", `${orders}/apart`, {
        spec: { suspend: true },
        status: { message: "lost" },
      });
      expect([b.spec.suspend, b.status.message]).toEqual([true, "set"]);
    });

    test("transition rules hold on updates", async () => {
      await kube.request("POST", orders, order("fixed", { label: "one", retry: 2 }));
      const owner = await kube.request("PATCH", `${orders}/fixed`, { spec: { owner: "b@example.com" } });
      expect(owner.code).toBe(422);
      expect(owner.body.message).toContain("`owner` must not change: make another order");
      expect((await kube.request("PATCH", `${orders}/fixed`, { spec: { label: null } })).code).toBe(422);
      expect((await kube.request("PATCH", `${orders}/fixed`, { spec: { retry: 1 } })).code).toBe(422);
      expect((await kube.request("PATCH", `${orders}/fixed`, { spec: { retry: 3, shutdown: "Cancel" } })).code).toBe(
        200,
      );
      expect((await kube.request("PATCH", `${orders}/fixed`, { spec: { shutdown: null } })).code).toBe(422);
      expect((await kube.request("PATCH", `${orders}/fixed`, { spec: { shutdown: "Delete" } })).code).toBe(200);
    });

    test("JSON patches test and change", async () => {
      await kube.request("POST", maps, configMap("patched", { a: "1" }));
      const good = [
        { op: "test", path: "/data/a", value: "1" },
        { op: "add", path: "/data/b", value: "2" },
      ];
      expect((await kube.request("PATCH", `${maps}/patched`, good, JSON_PATCH)).body.data).toEqual({ a: "1", b: "2" });
      const bad = [
        { op: "test", path: "/data/a", value: "9" },
        { op: "remove", path: "/data/b" },
      ];
      expect((await kube.request("PATCH", `${maps}/patched`, bad, JSON_PATCH)).code).toBe(422);
      expect((await kube.request("GET", `${maps}/patched`)).body.data).toEqual({ a: "1", b: "2" });
    });

    test("strategic merge patches are for built-in kinds only", async () => {
      await kube.request("POST", maps, configMap("strategic", { a: "1" }));
      expect((await kube.request("PATCH", `${maps}/strategic`, { data: { b: "2" } }, STRATEGIC)).body.data).toEqual({
        a: "1",
        b: "2",
      });
      await kube.request("POST", orders, order("strategic"));
      expect((await kube.request("PATCH", `${orders}/strategic`, { spec: {} }, STRATEGIC)).code).toBe(415);
    });

    test("a uid in a patch is no precondition: refused as a change, and ignored in a patch of the status", async () => {
      const metadata = { uid: "00000000-0000-0000-0000-000000000000" };
      await kube.request("POST", maps, configMap("uid"));
      expect((await kube.request("PATCH", `${maps}/uid`, { metadata })).code).toBe(422);
      await kube.request("POST", orders, order("uid"));
      const told = await kube.request("PATCH", `${orders}/uid/status`, { metadata, status: { message: "told" } });
      expect(told.code).toBe(200);
      expect(told.body.status).toEqual({ message: "told" });
    });

    test("an old resourceVersion in a patch is a conflict, of the status too", async () => {
      const made = await kube.request("POST", orders, order("version"));
      const { resourceVersion } = made.body.metadata;
      const status = (message: string) => ({ metadata: { resourceVersion }, status: { message } });
      expect((await kube.request("PATCH", `${orders}/version/status`, status("first"))).code).toBe(200);
      expect((await kube.request("PATCH", `${orders}/version/status`, status("second"))).code).toBe(409);
      expect((await kube.request("PATCH", `${orders}/version`, { metadata: { resourceVersion } })).code).toBe(409);
    });
  });

  describe("server-side apply", () => {
    test("apply makes the object, tracks its owner, and a rival gets a conflict", async () => {
      const mine = await kube.request(
        "PATCH",
        `${orders}/applied?fieldManager=me`,
        order("applied", { retry: 1 }),
        APPLY,
      );
      expect(mine.code).toBe(201);
      expect(mine.body.metadata.managedFields[0]).toMatchObject({ manager: "me", operation: "Apply" });
      expect(mine.body.metadata.managedFields[0].fieldsV1["f:spec"]).toHaveProperty("f:retry");
      const rival = await kube.request(
        "PATCH",
        `${orders}/applied?fieldManager=other`,
        order("applied", { retry: 2 }),
        APPLY,
      );
      expect([rival.code, rival.body.reason]).toEqual([409, "Conflict"]);
      expect(rival.body.details.causes[0]).toMatchObject({ reason: "FieldManagerConflict", field: ".spec.retry" });
      const forced = await kube.request(
        "PATCH",
        `${orders}/applied?fieldManager=other&force=true`,
        order("applied", { retry: 2 }),
        APPLY,
      );
      expect(forced.body.spec.retry).toBe(2);
    });

    test("apply removes what its owner no longer says", async () => {
      const apply = (data: Record<string, string>) =>
        kube.request("PATCH", `${maps}/kept?fieldManager=me`, configMap("kept", data), APPLY);
      await apply({ a: "1", b: "2" });
      await kube.request("PATCH", `${maps}/kept?fieldManager=hand`, { data: { c: "3" } });
      expect((await apply({ a: "1" })).body.data).toEqual({ a: "1", c: "3" });
    });

    test("apply of conditions by two managers keeps both", async () => {
      await kube.request("POST", orders, order("conditions"));
      const condition = (type: string) => ({
        type,
        status: "True",
        reason: "Because",
        message: "m",
        lastTransitionTime: "2026-01-01T00:00:00Z",
      });
      const apply = (manager: string, type: string) =>
        kube.request(
          "PATCH",
          `${orders}/conditions/status?fieldManager=${manager}`,
          {
            apiVersion: "order.regards.io/v1alpha1",
            kind: "Order",
            metadata: { name: "conditions" },
            status: { conditions: [condition(type)] },
          },
          APPLY,
        );
      await apply("one", "Accepted");
      const { code, body } = await apply("two", "Resolved");
      expect(code).toBe(200);
      expect(body.status.conditions.map((item: { type: string }) => item.type)).toEqual(["Accepted", "Resolved"]);
    });
  });

  describe("delete", () => {
    test("delete answers Success with the uid, then NotFound", async () => {
      const { body: made } = await kube.request("POST", maps, configMap("gone"));
      const { code, body } = await kube.request("DELETE", `${maps}/gone`);
      expect([code, body.status, body.details.uid]).toEqual([200, "Success", made.metadata.uid]);
      expect((await kube.request("DELETE", `${maps}/gone`)).code).toBe(404);
    });

    test("delete with a foreign uid is refused", async () => {
      await kube.request("POST", maps, configMap("mine"));
      const preconditions = { uid: "00000000-0000-0000-0000-000000000000" };
      const { code } = await kube.request("DELETE", `${maps}/mine`, { preconditions });
      expect(code).toBe(409);
      expect((await kube.request("GET", `${maps}/mine`)).code).toBe(200);
    });

    test("finalizers hold an object back until the last is gone, and none may be added", async () => {
      await kube.request("POST", orders, order("held", {}, { finalizers: ["test.io/a", "test.io/b"] }));
      const { body } = await kube.request("DELETE", `${orders}/held`);
      expect(body.metadata.deletionTimestamp).toBeString();
      const more = { metadata: { finalizers: ["test.io/a", "test.io/b", "test.io/c"] } };
      expect((await kube.request("PATCH", `${orders}/held`, more)).code).toBe(422);
      expect((await kube.request("PATCH", `${orders}/held`, { metadata: { finalizers: ["test.io/b"] } })).code).toBe(
        200,
      );
      expect((await kube.request("GET", `${orders}/held`)).code).toBe(200);
      await kube.request("PATCH", `${orders}/held`, { metadata: { finalizers: null } });
      expect((await kube.request("GET", `${orders}/held`)).code).toBe(404);
    });

    // A real cluster's collector is faster than this test.
    if (local)
      test("foreground deletion leaves the object with a finalizer for the collector", async () => {
        await kube.request("POST", maps, configMap("foreground"));
        const { body } = await kube.request("DELETE", `${maps}/foreground`, { propagationPolicy: "Foreground" });
        expect(body.metadata.finalizers).toEqual(["foregroundDeletion"]);
      });

    test("a scheduled pod is given its time", async () => {
      const spec = { nodeName: "somewhere", containers: [{ name: "main", image: "busybox" }] };
      await kube.request("POST", pods, { apiVersion: "v1", kind: "Pod", metadata: { name: "graceful" }, spec });
      const { body } = await kube.request("DELETE", `${pods}/graceful`);
      expect(body.metadata.deletionGracePeriodSeconds).toBe(30);
      expect((await kube.request("GET", `${pods}/graceful`)).code).toBe(200);
      await kube.request("DELETE", `${pods}/graceful`, { gracePeriodSeconds: 0 });
      expect((await kube.request("GET", `${pods}/graceful`)).code).toBe(404);
    });

    test("deletecollection takes what a selector finds", async () => {
      for (const name of ["c1", "c2"])
        await kube.request("POST", maps, configMap(name, {}, { labels: { batch: "yes" } }));
      await kube.request("POST", maps, configMap("c3", {}, { labels: { batch: "no" } }));
      await kube.request("DELETE", `${maps}?labelSelector=batch=yes`);
      const { body } = await kube.request("GET", `${maps}?labelSelector=batch`);
      expect(body.items.map((item: { metadata: { name: string } }) => item.metadata.name)).toEqual(["c3"]);
    });
  });
});
