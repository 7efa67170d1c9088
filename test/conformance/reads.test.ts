/** What this project relies on when it reads from a Kubernetes API, and of its built-in kinds: the same of the local one and of a real one. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { configMap, job, order } from "#test/support/kube-objects.ts";
import { type KubeUnderTest, onEachKubernetes } from "./kube-under-test.ts";

onEachKubernetes(({ open }) => {
  let kube: KubeUnderTest;
  let orders: string;
  let maps: string;
  let jobs: string;

  beforeAll(async () => {
    kube = await open("kube-reads");
    orders = `/apis/order.regards.io/v1alpha1/namespaces/${kube.namespace}/orders`;
    maps = `/api/v1/namespaces/${kube.namespace}/configmaps`;
    jobs = `/apis/batch/v1/namespaces/${kube.namespace}/jobs`;
  });
  afterAll(() => kube.stop());

  describe("list and watch", () => {
    test("lists in pages are of one moment", async () => {
      for (const name of ["p1", "p2", "p3"])
        await kube.request("POST", maps, configMap(name, {}, { labels: { page: "x" } }));
      const first = await kube.request("GET", `${maps}?labelSelector=page=x&limit=2`);
      expect([first.body.items.length, first.body.metadata.remainingItemCount ?? 1]).toEqual([2, 1]);
      await kube.request("DELETE", `${maps}/p3`);
      const next = encodeURIComponent(first.body.metadata.continue);
      const second = await kube.request("GET", `${maps}?labelSelector=page=x&limit=2&continue=${next}`);
      expect(second.body.items.map((item: { metadata: { name: string } }) => item.metadata.name)).toEqual(["p3"]);
      expect(second.body.metadata.resourceVersion).toBe(first.body.metadata.resourceVersion);
    });

    test("field selectors find custom fields, and refuse unknown ones", async () => {
      await kube.request("POST", orders, order("selected", { owner: "selected@example.com" }));
      const { body } = await kube.request("GET", `${orders}?fieldSelector=spec.owner=selected@example.com`);
      expect(body.items).toHaveLength(1);
      expect((await kube.request("GET", `${orders}?fieldSelector=spec.retry=0`)).code).toBe(400);
    });

    test("watch from a version tells all that came after it, in order", async () => {
      const { body: list } = await kube.request("GET", maps);
      await kube.request("POST", maps, configMap("w1", { a: "1" }));
      await kube.request("PATCH", `${maps}/w1`, { data: { a: "2" } });
      await kube.request("DELETE", `${maps}/w1`);
      const events = await kube.watch(
        `${maps}?watch=true&resourceVersion=${list.metadata.resourceVersion}&timeoutSeconds=10`,
        3,
      );
      expect(events.map((event) => event.type)).toEqual(["ADDED", "MODIFIED", "DELETED"]);
      expect(events[2].object.data).toEqual({ a: "2" });
      expect(Number(events[2].object.metadata.resourceVersion)).toBeGreaterThan(
        Number(events[1].object.metadata.resourceVersion),
      );
    });

    test("watch with a selector shows objects that begin and cease to match as added and deleted", async () => {
      const { body: list } = await kube.request("GET", maps);
      await kube.request("POST", maps, configMap("turns"));
      await kube.request("PATCH", `${maps}/turns`, { metadata: { labels: { on: "yes" } } });
      await kube.request("PATCH", `${maps}/turns`, { data: { a: "1" } });
      await kube.request("PATCH", `${maps}/turns`, { metadata: { labels: { on: null } } });
      const query = `watch=true&labelSelector=on=yes&resourceVersion=${list.metadata.resourceVersion}&timeoutSeconds=10`;
      const events = await kube.watch(`${maps}?${query}`, 3);
      expect(events.map((event) => event.type)).toEqual(["ADDED", "MODIFIED", "DELETED"]);
      expect(events[2].object.metadata.labels).toEqual({ on: "yes" });
    });

    test("watch without a version begins with what is there", async () => {
      await kube.request("POST", maps, configMap("there", {}, { labels: { there: "yes" } }));
      const events = await kube.watch(`${maps}?watch=true&labelSelector=there&timeoutSeconds=10`, 1);
      expect(events).toMatchObject([{ type: "ADDED", object: { metadata: { name: "there" } } }]);
    });

    test("watch-list begins with what is there and says when that is all", async () => {
      await kube.request("POST", maps, configMap("initial", {}, { labels: { initial: "yes" } }));
      const query =
        "watch=true&labelSelector=initial&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=10";
      const events = await kube.watch(`${maps}?${query}`, 2);
      expect(events.map((event) => event.type)).toEqual(["ADDED", "BOOKMARK"]);
      expect(events[1].object.metadata.annotations).toEqual({ "k8s.io/initial-events-end": "true" });
    });

    test("watch ends when its time is over", async () => {
      const begin = performance.now();
      await kube.watch(`${maps}?watch=true&labelSelector=none&timeoutSeconds=1`, 1);
      expect(performance.now() - begin).toBeGreaterThan(900);
    });
  });

  describe("built-in kinds", () => {
    test("jobs get their defaults and a selector of their own", async () => {
      const { code, body } = await kube.request("POST", jobs, job("defaults"));
      expect(code).toBe(201);
      expect(body.spec).toMatchObject({
        parallelism: 1,
        completions: 1,
        backoffLimit: 6,
        completionMode: "NonIndexed",
      });
      expect(body.spec.selector.matchLabels).toEqual({ "batch.kubernetes.io/controller-uid": body.metadata.uid });
      expect(body.spec.template.metadata.labels).toMatchObject({ "batch.kubernetes.io/job-name": "defaults" });
      expect(body.spec.template.spec).toMatchObject({ dnsPolicy: "ClusterFirst", terminationGracePeriodSeconds: 30 });
    });

    test("a job's template does not change once it runs, its suspension does", async () => {
      await kube.request("POST", jobs, job("frozen", { suspend: false }));
      const patch = { spec: { template: { spec: { containers: [{ name: "main", image: "other" }] } } } };
      expect((await kube.request("PATCH", `${jobs}/frozen`, patch)).code).toBe(422);
      expect((await kube.request("PATCH", `${jobs}/frozen`, { spec: { suspend: true } })).code).toBe(200);
    });

    test("jobs without containers or with a restart policy of Always are refused", async () => {
      const template = { spec: { restartPolicy: "Always", containers: [] } };
      const { code, body } = await kube.request("POST", jobs, job("bad", { template }));
      expect(code).toBe(422);
      const fields = body.details.causes.map((cause: { field: string }) => cause.field);
      expect(fields).toContain("spec.template.spec.containers");
      expect(fields).toContain("spec.template.spec.restartPolicy");
    });

    test("unknown and mistyped fields of built-in kinds are refused as undecodable", async () => {
      const strict = await kube.request("POST", `${jobs}?fieldValidation=Strict`, job("odd", { bogus: 1 }));
      expect([strict.code, strict.body.message]).toEqual([
        400,
        'Job in version "v1" cannot be handled as a Job: strict decoding error: unknown field "spec.bogus"',
      ]);
      const typed = await kube.request("POST", jobs, job("typed", { parallelism: "two" }));
      expect([typed.code, typed.body.reason]).toEqual([400, "BadRequest"]);
    });

    test("events are the same under both of their versions", async () => {
      const event = {
        apiVersion: "events.k8s.io/v1",
        kind: "Event",
        metadata: { name: "said.1" },
        eventTime: "2026-01-01T00:00:00.000000Z",
        reportingController: "test.io/controller",
        reportingInstance: "one",
        action: "Testing",
        reason: "Tested",
        type: "Normal",
        note: "all is well",
        regarding: { kind: "Order", namespace: kube.namespace, name: "said", uid: "u-1" },
      };
      const { code } = await kube.request("POST", `/apis/events.k8s.io/v1/namespaces/${kube.namespace}/events`, event);
      expect(code).toBe(201);
      const core = `/api/v1/namespaces/${kube.namespace}/events`;
      const { body } = await kube.request(
        "GET",
        `${core}?fieldSelector=involvedObject.uid=u-1,involvedObject.kind=Order`,
      );
      expect(body.items).toHaveLength(1);
      expect(body.items[0]).toMatchObject({
        message: "all is well",
        reportingComponent: "test.io/controller",
        involvedObject: { name: "said" },
      });
    });

    test("a namespace takes its content along", async () => {
      const name = `${kube.namespace}-inner`;
      await kube.request("POST", "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name } });
      await kube.request(
        "POST",
        `/api/v1/namespaces/${name}/configmaps`,
        configMap("inside", {}, { finalizers: ["test.io/hold"] }),
      );
      const { body } = await kube.request("DELETE", `/api/v1/namespaces/${name}`);
      expect(body.metadata.deletionTimestamp).toBeString();
      const late = await kube.request("POST", `/api/v1/namespaces/${name}/configmaps`, configMap("late"));
      expect([late.code, late.body.reason]).toEqual([403, "Forbidden"]);
      await kube.request("PATCH", `/api/v1/namespaces/${name}/configmaps/inside`, { metadata: { finalizers: null } });
      const isGone = async () => (await kube.request("GET", `/api/v1/namespaces/${name}`)).code === 404;
      await eventually("the namespace is gone", isGone, LIMIT.slow);
    });
  });

  describe("forms", () => {
    test("tables have the columns of the definition", async () => {
      await kube.request("POST", orders, order("tabled", { label: "in a table" }));
      const accept = { accept: "application/json;as=Table;v=v1;g=meta.k8s.io,application/json" };
      const { body } = await kube.request("GET", `${orders}/tabled`, undefined, accept);
      expect(body.kind).toBe("Table");
      const names = body.columnDefinitions.map((column: { name: string }) => column.name);
      expect(names).toContain("Owner");
      expect(body.rows[0].cells[names.indexOf("Label")]).toBe("in a table");
      expect(body.rows[0].object).toMatchObject({ kind: "PartialObjectMetadata", metadata: { name: "tabled" } });
    });

    test("metadata alone can be asked for", async () => {
      const accept = { accept: "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io" };
      const { body } = await kube.request("GET", orders, undefined, accept);
      expect(body.kind).toBe("PartialObjectMetadataList");
      expect(body.items[0].spec).toBeUndefined();
    });

    test("paths that lead nowhere and methods that are not served are told apart", async () => {
      expect((await kube.request("GET", "/apis/none.io/v1/things")).code).toBe(404);
      expect((await kube.request("GET", `/api/v1/namespaces/${kube.namespace}/widgets`)).code).toBe(404);
      expect((await kube.request("PUT", maps, {})).code).toBe(405);
    });

    test("no request without the token", async () => {
      const response = await fetch(`${kube.transport.server}${maps}`, { tls: { rejectUnauthorized: false } });
      expect([401, 403]).toContain(response.status);
      expect(await response.json()).toMatchObject({ kind: "Status", status: "Failure" });
    });

    test("bodies of more than 3 MB are refused", async () => {
      const { code } = await kube.request("POST", maps, configMap("big", { a: "x".repeat(3.5 * 1024 * 1024) }));
      expect(code).toBe(413);
    });
  });
});
