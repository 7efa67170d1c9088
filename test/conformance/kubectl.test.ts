/** The commands that people type, with the real kubectl, against the local Kubernetes and a real one. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { type TemporaryFolder, temporaryFolder } from "#test/support/folder.ts";
import { type KubeUnderTest, onEachKubernetes } from "./kube-under-test.ts";

const found = Bun.which("kubectl");
if (!found && process.env["TEST_REQUIRE_ALL"] === "1") throw new Error("Cannot test with kubectl: it is not installed");
if (!found) console.warn("kubectl is not installed: its tests are skipped");

type Output = { readonly code: number; readonly out: string; readonly err: string };

onEachKubernetes(({ local, open }) => {
  describe.skipIf(!found)("kubectl", () => {
    let kube: KubeUnderTest;
    let folder: TemporaryFolder;

    beforeAll(async () => {
      kube = await open("kubectl");
      folder = temporaryFolder("kubectl");
    });
    afterAll(async () => {
      await kube.stop();
      folder.remove();
    });

    function start(args: readonly string[], o: { stdin?: string; env?: Record<string, string> } = {}) {
      return Bun.spawn([found ?? "kubectl", "--namespace", kube.namespace, ...args], {
        env: { ...process.env, KUBECONFIG: kube.kubeconfig, HOME: folder.path, KUBECTL_PAGER: "", ...o.env },
        stdin: new Blob([o.stdin ?? ""]),
        stdout: "pipe",
        stderr: "pipe",
      });
    }

    async function kubectl(
      args: readonly string[],
      o: { stdin?: string; env?: Record<string, string> } = {},
    ): Promise<Output> {
      const child = start(args, o);
      const [out, err, code] = await Promise.all([
        new Response(child.stdout).text(),
        new Response(child.stderr).text(),
        child.exited,
      ]);
      return { code, out: out.trimEnd(), err: err.trimEnd() };
    }

    /** Standard output of a command that must succeed. */
    async function ok(
      args: readonly string[],
      o: { stdin?: string; env?: Record<string, string> } = {},
    ): Promise<string> {
      const { code, out, err } = await kubectl(args, o);
      if (code !== 0) throw new Error(`kubectl ${args.join(" ")} ended with ${code}: ${err}`);
      return out;
    }

    function order(name: string, spec: Record<string, unknown> = {}): string {
      return JSON.stringify({
        apiVersion: "order.regards.io/v1alpha1",
        kind: "Order",
        metadata: { name, labels: { test: "kubectl" } },
        spec: { owner: "a@example.com", selections: [{ query: 'platform:"landsat-8"' }], ...spec },
      });
    }

    function job(name: string): string {
      const template = { spec: { restartPolicy: "Never", containers: [{ name: "main", image: "busybox" }] } };
      return JSON.stringify({
        apiVersion: "batch/v1",
        kind: "Job",
        metadata: { name },
        spec: { suspend: true, template },
      });
    }

    const APPLY = ["apply", "-f", "-"];

    test("apply says created, unchanged, configured", async () => {
      expect(await ok(APPLY, { stdin: order("one") })).toBe("order.order.regards.io/one created");
      expect(await ok(APPLY, { stdin: order("one") })).toBe("order.order.regards.io/one unchanged");
      expect(await ok(APPLY, { stdin: order("one", { suspend: true }) })).toBe("order.order.regards.io/one configured");
      expect(await ok(APPLY, { stdin: job("applied") })).toBe("job.batch/applied created");
      expect(await ok(APPLY, { stdin: job("applied") })).toBe("job.batch/applied unchanged");
    });

    test("apply tells what is wrong", async () => {
      await ok(APPLY, { stdin: order("wrong", { label: "first" }) });
      const changed = await kubectl(APPLY, { stdin: order("wrong", { label: "second" }) });
      expect(changed.code).toBe(1);
      expect(changed.err).toMatch(
        /^The Order "wrong" is invalid: spec\S*: Invalid value: "object": `label` must not change/,
      );
      const unknown = await kubectl(APPLY, { stdin: order("unknown", { bogus: 1 }) });
      expect(unknown.err).toContain('strict decoding error: unknown field "spec.bogus"');
      const warned = await kubectl([...APPLY, "--validate=warn"], { stdin: order("warned", { bogus: 1 }) });
      expect([warned.code, warned.err]).toEqual([0, 'Warning: unknown field "spec.bogus"']);
    });

    test("diff shows what an apply would change, and is silent when nothing", async () => {
      await ok(APPLY, { stdin: order("diff") });
      const same = await kubectl(["diff", "-f", "-"], { stdin: order("diff") });
      expect([same.code, same.out]).toEqual([0, ""]);
      const other = await kubectl(["diff", "-f", "-"], { stdin: order("diff", { retry: 7 }) });
      expect([other.code, other.out.includes("+  retry: 7")]).toEqual([1, true]);
      expect(await ok(["get", "order", "diff", "-o", "jsonpath={.spec.retry}"])).toBe("0");
    });

    test("apply --dry-run=server and --server-side", async () => {
      expect(await ok([...APPLY, "--dry-run=server"], { stdin: order("dry") })).toEndWith("created (server dry run)");
      expect((await kubectl(["get", "order", "dry"])).code).toBe(1);
      const server = [...APPLY, "--server-side"];
      expect(await ok(server, { stdin: order("side", { retry: 1 }) })).toBe(
        "order.order.regards.io/side serverside-applied",
      );
      const rival = await kubectl([...server, "--field-manager=rival"], { stdin: order("side", { retry: 2 }) });
      expect(rival.err).toStartWith('error: Apply failed with 1 conflict: conflict with "kubectl": .spec.retry');
      await ok([...server, "--field-manager=rival", "--force-conflicts"], { stdin: order("side", { retry: 2 }) });
      expect(await ok(["get", "order", "side", "-o", "jsonpath={.spec.retry}"])).toBe("2");
    });

    test("get prints the columns, wide ones too, by short name, label and field", async () => {
      await ok(APPLY, { stdin: order("columns", { label: "a label", owner: "columns@example.com" }) });
      const [head, row] = (await ok(["get", "ord", "columns"])).split("\n");
      expect(head).toMatch(/^NAME +OWNER +LABEL +SUCCEEDED +REASON/);
      expect(row).toMatch(/^columns +columns@example.com +a label/);
      expect((await ok(["get", "orders", "columns", "-o", "wide"])).split("\n")[0]).toContain("MESSAGE");
      const names = ["-o", "name"];
      expect(await ok(["get", "orders", "--field-selector", "spec.owner=columns@example.com", ...names])).toBe(
        "order.order.regards.io/columns",
      );
      expect(await ok(["get", "orders", "-l", "test notin (kubectl)", ...names])).toBe("");
      expect((await kubectl(["get", "order", "none"])).err).toBe(
        'Error from server (NotFound): orders.order.regards.io "none" not found',
      );
    });

    test("get of built-in kinds", async () => {
      await ok(APPLY, { stdin: job("listed") });
      expect(await ok(["get", "jobs", "listed"])).toMatch(
        /^NAME +STATUS +COMPLETIONS +DURATION +AGE\nlisted +(Suspended|Running) +0\/1/,
      );
      expect(await ok(["get", "all", "-o", "name"])).toContain("job.batch/listed");
      expect(await ok(["get", "ns", kube.namespace])).toMatch(/^NAME +STATUS +AGE\nkubectl-\w+ +Active/);
      expect(await ok(["get", "crd", "orders.order.regards.io"])).toMatch(/^NAME +CREATED AT\n/);
      expect(await ok(["api-resources", "--api-group=order.regards.io", "-o", "name"])).toContain(
        "orders.order.regards.io",
      );
    });

    test("get -w follows changes", async () => {
      await ok(APPLY, { stdin: order("followed") });
      const child = start(["get", "order", "followed", "-w", "-o", "jsonpath={.spec.retry} "]);
      const reader = child.stdout.getReader();
      let text = "";
      const until = async (wanted: string) => {
        while (!text.includes(wanted)) text += new TextDecoder().decode((await reader.read()).value);
      };
      await until("0 ");
      await ok(["patch", "order", "followed", "--type=merge", "-p", '{"spec":{"retry":5}}']);
      await until("5 ");
      child.kill();
      expect(text).toBe("0 5 ");
    });

    test("describe shows the object and its events", async () => {
      await ok(APPLY, { stdin: order("described") });
      const uid = await ok(["get", "order", "described", "-o", "jsonpath={.metadata.uid}"]);
      await kube.request("POST", `/apis/events.k8s.io/v1/namespaces/${kube.namespace}/events`, {
        metadata: { name: "described.1" },
        eventTime: new Date().toISOString().replace("Z", "000Z"),
        reportingController: "test.io/controller",
        reportingInstance: "one",
        action: "Testing",
        reason: "Tested",
        type: "Normal",
        note: "all is well",
        regarding: {
          apiVersion: "order.regards.io/v1alpha1",
          kind: "Order",
          namespace: kube.namespace,
          name: "described",
          uid,
        },
      });
      const text = await ok(["describe", "order/described"]);
      expect(text).toMatch(/Name: +described/);
      expect(text).toMatch(/Normal +Tested +\S+ +test.io\/controller +all is well/);
      expect(await ok(["get", "events"])).toMatch(/Normal +Tested +order\/described +all is well/);
      await ok(APPLY, { stdin: job("described") });
      expect(await ok(["describe", "job/described"])).toMatch(/Suspend: +true/);
    });

    test("explain shows our descriptions, and those of Kubernetes", async () => {
      const spec = await ok(["explain", "order.spec"]);
      expect(spec).toContain("What is wanted.");
      expect(spec).toMatch(/owner\s+<string> -required-\n +E-mail of the user whose order this is/);
      expect(await ok(["explain", "order", "--recursive"])).toContain("fileNamePattern");
      expect(await ok(["explain", "job.spec.template.spec.containers.image"])).toContain("Container image name");
    });

    test("patch, label, annotate, edit and replace", async () => {
      await ok(APPLY, { stdin: order("worked") });
      const suspended = () => ok(["get", "order", "worked", "-o", "jsonpath={.spec.suspend}"]);
      await ok(["patch", "order", "worked", "--type=merge", "-p", '{"spec":{"suspend":true}}']);
      expect(await suspended()).toBe("true");
      await ok([
        "patch",
        "order",
        "worked",
        "--type=json",
        "-p",
        '[{"op":"replace","path":"/spec/suspend","value":false}]',
      ]);
      expect(await suspended()).toBe("false");
      expect(await ok(["label", "order", "worked", "a=b"])).toBe("order.order.regards.io/worked labeled");
      expect(await ok(["annotate", "order", "worked", "a=b"])).toBe("order.order.regards.io/worked annotated");
      const editor = join(folder.path, "editor.sh");
      await Bun.write(editor, '#!/bin/sh\nsed -i "s/suspend: false/suspend: true/" "$1"\n');
      await chmod(editor, 0o755);
      expect(await ok(["edit", "order", "worked"], { env: { EDITOR: editor } })).toBe(
        "order.order.regards.io/worked edited",
      );
      expect(await suspended()).toBe("true");
      expect(await ok(["replace", "-f", "-"], { stdin: order("worked") })).toBe(
        "order.order.regards.io/worked replaced",
      );
      expect(await suspended()).toBe("false");
    });

    test("wait for a condition and for deletion", async () => {
      await ok(APPLY, { stdin: order("awaited") });
      const condition = ok(["wait", "--for=condition=Succeeded", "order/awaited", "--timeout=20s"]);
      const status = {
        conditions: [
          {
            type: "Succeeded",
            status: "True",
            reason: "Done",
            message: "",
            lastTransitionTime: "2026-01-01T00:00:00Z",
          },
        ],
      };
      await ok(["patch", "order", "awaited", "--subresource=status", "--type=merge", "-p", JSON.stringify({ status })]);
      expect(await condition).toBe("order.order.regards.io/awaited condition met");
      const deletion = ok(["wait", "--for=delete", "order/awaited", "--timeout=20s"]);
      await ok(["delete", "order", "awaited"]);
      await deletion;
      const crd = ["wait", "--for=condition=Established", "crd/orders.order.regards.io", "--timeout=20s"];
      expect(await ok(crd)).toEndWith("condition met");
    });

    test("delete waits for finalizers", async () => {
      await ok(APPLY, { stdin: order("held") });
      await ok(["patch", "order", "held", "--type=merge", "-p", '{"metadata":{"finalizers":["test.io/hold"]}}']);
      const child = start(["delete", "order", "held"]);
      const state = ["get", "order", "held", "-o", "jsonpath={.metadata.deletionTimestamp}"];
      while ((await ok(state)) === "");
      expect(child.exitCode).toBeNull();
      await ok(["patch", "order", "held", "--type=merge", "-p", '{"metadata":{"finalizers":null}}']);
      expect(await child.exited).toBe(0);
      expect((await kubectl(["delete", "order", "held"])).err).toContain("NotFound");
    });

    test("typed commands, which send protobuf: create and auth can-i", async () => {
      expect(await ok(["create", "configmap", "typed", "--from-literal=a=b"])).toBe("configmap/typed created");
      expect(await ok(["get", "cm", "typed", "-o", "jsonpath={.data.a}"])).toBe("b");
      await ok(["create", "secret", "generic", "typed", "--from-literal=a=b"]);
      expect(await ok(["get", "secret", "typed", "-o", "jsonpath={.data.a}"])).toBe("Yg==");
      await ok(["create", "serviceaccount", "typed"]);
      await ok(["create", "job", "typed", "--image=busybox", "--", "echo", "hello"]);
      expect(await ok(["get", "job", "typed", "-o", "jsonpath={.spec.template.spec.containers[0].command}"])).toBe(
        '["echo","hello"]',
      );
      expect(await ok(["auth", "can-i", "create", "orders"])).toBe("yes");
    });

    // The real one runs no pod that was made by hand with a foreign image: its logs are looked at where our image runs.
    if (local)
      test("logs of a job's pod", async () => {
        await ok(APPLY, { stdin: job("logged") });
        const uid = await ok(["get", "job", "logged", "-o", "jsonpath={.metadata.uid}"]);
        const pod = {
          apiVersion: "v1",
          kind: "Pod",
          metadata: { name: "logged-1", labels: { "batch.kubernetes.io/controller-uid": uid } },
          spec: { restartPolicy: "Never", containers: [{ name: "main", image: "busybox" }] },
        };
        await ok(APPLY, { stdin: JSON.stringify(pod) });
        expect(await ok(["logs", "job/logged"])).toBe("output of logged-1/main");
        expect(await ok(["logs", "logged-1", "-f", "--tail=5", "--timestamps", "-c", "main"])).toBe(
          "output of logged-1/main",
        );
        expect((await kubectl(["logs", "logged-1", "-c", "other"])).err).toContain(
          "container other is not valid for pod logged-1",
        );
        expect(await ok(["get", "pods", "logged-1", "-o", "wide"])).toMatch(
          /^NAME +READY +STATUS +RESTARTS +AGE +IP +NODE/,
        );
        expect(await ok(["describe", "pod", "logged-1"])).toMatch(/Status: +Pending/);
      });
  });
});
