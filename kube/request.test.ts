import { afterEach, describe, expect, test } from "bun:test";
import { eventually } from "#test/support/eventually.ts";
import { type Received, type Reply, type ScriptedServer, scriptedServer } from "#test/support/scripted-server.ts";
import { isAlreadyExists, isConflict, isGone, isInvalid, isNotFound, isUnreachable, KubeError } from "./errors.ts";
import { JOBS, type Job, LEASES, NAMESPACES } from "./kinds.ts";
import { type ResourceApi, resourceApi } from "./resource.ts";
import { fetchTransport, handlerTransport } from "./transport.ts";

let server: ScriptedServer | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

async function jobsOn(
  script: (request: Received, reply: Reply) => void,
  options: { callLimitMs?: number } = {},
): Promise<ResourceApi<Job>> {
  await server?.stop();
  server = await scriptedServer(script);
  const credentials = async () => ({ headers: { authorization: "Bearer secret" }, tls: {} });
  return resourceApi(fetchTransport({ server: server.url, namespace: "tenant", credentials, ...options }), JOBS);
}

const job = (name: string, more: object = {}): Job => ({
  metadata: { name, ...more },
  spec: { template: { spec: { containers: [{ name: "main", image: "x" }] } } },
});

async function failure(promise: Promise<unknown>): Promise<KubeError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof KubeError) return error;
    throw error;
  }
  throw new Error("It did not fail");
}

describe("resourceApi()", () => {
  test("get() answers the object, and undefined for a 404", async () => {
    const api = await jobsOn((request, reply) =>
      request.path.endsWith("/a") ? reply.json(200, job("a")) : reply.status(404, "NotFound"),
    );
    expect((await api.get("a"))?.metadata.name).toBe("a");
    expect(await api.get("b")).toBeUndefined();
    expect(server?.requests[0]?.path).toBe("/apis/batch/v1/namespaces/tenant/jobs/a");
    expect(server?.requests[0]?.headers["authorization"]).toBe("Bearer secret");
  });

  test("list() passes selectors and pages, and gives items their kind back", async () => {
    const api = await jobsOn((_, reply) =>
      reply.json(200, { metadata: { resourceVersion: "7", continue: "more" }, items: [job("a")] }),
    );
    const list = await api.list({ labelSelector: "a=b,c", fieldSelector: "metadata.name=a", limit: 5, continue: "x" });
    expect(list).toEqual({
      items: [{ apiVersion: "batch/v1", kind: "Job", ...job("a") }],
      resourceVersion: "7",
      continue: "more",
    });
    expect(Object.fromEntries(server?.requests[0]?.query ?? [])).toEqual({
      labelSelector: "a=b,c",
      fieldSelector: "metadata.name=a",
      limit: "5",
      continue: "x",
    });
  });

  test("create() sends kind and apiVersion; a taken name is told apart from a conflict", async () => {
    const api = await jobsOn((request, reply) =>
      request.method === "POST" && server?.requests.length === 1
        ? reply.json(201, request.json())
        : reply.status(409, "AlreadyExists"),
    );
    expect(await api.create(job("a"))).toMatchObject({ apiVersion: "batch/v1", kind: "Job" });
    const error = await failure(api.create(job("a")));
    expect(isAlreadyExists(error)).toBe(true);
    expect(isConflict(error)).toBe(false);
    expect(error.message).toBe("Cannot create jobs 'a': AlreadyExists (409)");
  });

  for (const [kind, type] of Object.entries({
    merge: "application/merge-patch+json",
    json: "application/json-patch+json",
    apply: "application/apply-patch+yaml",
    strategic: "application/strategic-merge-patch+json",
  })) {
    test(`patch() of kind ${kind} is sent as ${type}`, async () => {
      const api = await jobsOn((_, reply) => reply.json(200, job("a")));
      await api.patch(
        "a",
        { spec: {} },
        { kind: kind as "merge", subresource: "status", fieldManager: "me", force: true },
      );
      const request = server?.requests[0];
      expect(request?.headers["content-type"]).toBe(type);
      expect(request?.path.endsWith("/jobs/a/status")).toBe(true);
      expect(request?.query.get("fieldManager")).toBe("me");
      expect(request?.query.get("force")).toBe(kind === "apply" ? "true" : null);
    });
  }

  test("replace() of a stale version is a conflict", async () => {
    const api = await jobsOn((_, reply) => reply.status(409, "Conflict"));
    expect(isConflict(await failure(api.replace(job("a", { resourceVersion: "1" }))))).toBe(true);
  });

  test("delete() sends its preconditions, and a missing object is fine", async () => {
    const api = await jobsOn((_, reply) => reply.status(404, "NotFound"));
    await api.delete("a", { uid: "u", resourceVersion: "3", propagation: "Foreground", graceSeconds: 0 });
    expect(server?.requests[0]?.json()).toMatchObject({
      propagationPolicy: "Foreground",
      gracePeriodSeconds: 0,
      preconditions: { uid: "u", resourceVersion: "3" },
    });
  });

  test("delete() of another object than was meant is a conflict", async () => {
    const api = await jobsOn((_, reply) => reply.status(409, "Conflict"));
    expect(isConflict(await failure(api.delete("a", { uid: "u" })))).toBe(true);
  });

  test("cluster-scoped and core kinds have their own paths, and names are escaped", async () => {
    const paths: string[] = [];
    const transport = handlerTransport(
      (request) => {
        paths.push(new URL(request.url).pathname);
        return Response.json({ metadata: { name: "x" } });
      },
      { namespace: "tenant" },
    );
    await resourceApi(transport, NAMESPACES).get("x");
    await resourceApi(transport, LEASES, { namespace: "other" }).get("../../x");
    expect(paths).toEqual(["/api/v1/namespaces/x", "/apis/coordination.k8s.io/v1/namespaces/other/leases/..%2F..%2Fx"]);
  });
});

describe("a call", () => {
  const cases = {
    "404 on a write": { code: 404, reason: "NotFound", is: isNotFound },
    "410": { code: 410, reason: "Expired", is: isGone },
    "422": { code: 422, reason: "Invalid", is: isInvalid },
  };
  for (const [name, { code, reason, is }] of Object.entries(cases)) {
    test(`fails as its predicate says: ${name}`, async () => {
      const api = await jobsOn((_, reply) => reply.status(code, reason));
      const error = await failure(api.patch("a", {}));
      expect(is(error)).toBe(true);
      expect(error).toMatchObject({ status: code, reason, verb: "patch", resource: "jobs", objectName: "a" });
    });
  }

  test("waits as long as Retry-After says after a 429, then goes on", async () => {
    const api = await jobsOn((_, reply) =>
      (server?.requests.length ?? 0) < 3
        ? reply.status(429, "TooManyRequests", { "retry-after": "0" })
        : reply.json(200, job("a")),
    );
    expect((await api.get("a"))?.metadata.name).toBe("a");
    expect(server?.requests.length).toBe(3);
  });

  test("gives up on a server that asks for patience for ever, and says how long it asked for", async () => {
    const api = await jobsOn((_, reply) => reply.status(429, "TooManyRequests", { "retry-after": "0" }));
    expect(await failure(api.get("a"))).toMatchObject({ status: 429, retryAfterMs: 0 });
    expect(server?.requests.length).toBe(5);
    const far = await failure(
      (await jobsOn((_, reply) => reply.status(503, "ServiceUnavailable", { "retry-after": "120" }))).get("a"),
    );
    expect(far).toMatchObject({ status: 503, retryAfterMs: 120_000 });
  });

  test("does not retry a 500", async () => {
    const api = await jobsOn((_, reply) => reply.status(500, "InternalError"));
    expect(await failure(api.get("a"))).toMatchObject({ status: 500 });
    expect(server?.requests.length).toBe(1);
  });

  test("whose answer is lost is unreachable, not a failure of the server's", async () => {
    const api = await jobsOn((_, reply) => reply.drop());
    const error = await failure(api.create(job("a")));
    expect(isUnreachable(error)).toBe(true);
    expect(error.cause).toBeInstanceOf(Error);
    expect(server?.requests.length).toBe(1);
  });

  test("ends at its time limit although the server keeps silent in the middle of the body", async () => {
    const api = await jobsOn(
      (_, reply) => {
        reply.stream().write('{"metadata":');
      },
      { callLimitMs: 100 },
    );
    const error = await failure(api.get("a"));
    expect(isUnreachable(error)).toBe(true);
    expect(error.message).toContain("100 ms");
  });

  test("that its caller aborts throws the caller's reason", async () => {
    const api = await jobsOn(() => {});
    const controller = new AbortController();
    const call = api.get("a", { signal: controller.signal });
    await eventually("the request has arrived", () => server?.requests.length === 1);
    const reason = new Error("enough");
    controller.abort(reason);
    await expect(call).rejects.toBe(reason);
  });

  test("names the reason of an answer that is not a Status, as from a proxy", async () => {
    const transport = handlerTransport(() => new Response("<html>no</html>", { status: 504 }), { namespace: "t" });
    const error = await failure(resourceApi(transport, JOBS).get("a"));
    expect(error).toMatchObject({ status: 504, reason: "Timeout" });
    expect(error.message).toContain("<html>no</html>");
  });
});

describe("fetchTransport()", () => {
  test("asks for fresh credentials after a 401 and tries once more", async () => {
    server = await scriptedServer((request, reply) =>
      request.headers["authorization"] === "Bearer new" ? reply.json(200, job("a")) : reply.status(401, "Unauthorized"),
    );
    const credentials = async ({ refresh }: { refresh: boolean }) => ({
      headers: { authorization: `Bearer ${refresh ? "new" : "old"}` },
      tls: {},
    });
    const api = resourceApi(fetchTransport({ server: server.url, namespace: "t", credentials }), JOBS);
    expect((await api.get("a"))?.metadata.name).toBe("a");
    expect(server.requests.length).toBe(2);
  });

  test("does not repeat a 401 when the credentials stay the same", async () => {
    const api = await jobsOn((_, reply) => reply.status(401, "Unauthorized"));
    expect(await failure(api.get("a"))).toMatchObject({ status: 401 });
    expect(server?.requests.length).toBe(1);
  });
});

describe("handlerTransport()", () => {
  test("passes method, body, headers and token to the handler", async () => {
    const transport = handlerTransport(
      async (request) =>
        Response.json({
          method: request.method,
          body: await request.json(),
          auth: request.headers.get("authorization"),
          type: request.headers.get("content-type"),
        }),
      { namespace: "t", token: "tok" },
    );
    const answer = await transport.fetch("/x", {
      method: "POST",
      body: '{"a":1}',
      headers: { "content-type": "application/json" },
    });
    expect(await answer.json()).toEqual({
      method: "POST",
      body: { a: 1 },
      auth: "Bearer tok",
      type: "application/json",
    });
  });

  test("lets go of a handler that does not look at its signal", async () => {
    const transport = handlerTransport(() => new Promise<Response>(() => {}), { namespace: "t" });
    const controller = new AbortController();
    const call = resourceApi(transport, JOBS).get("a", { signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(call).rejects.toThrow("enough");
  });
});
