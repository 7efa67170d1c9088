import { afterEach, describe, expect, test } from "bun:test";
import pino from "pino";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import {
  type Received,
  type Reply,
  type ScriptedServer,
  type Stream,
  scriptedServer,
} from "#test/support/scripted-server.ts";
import type { Change } from "./cache.ts";
import { JOBS, type Job } from "./kinds.ts";
import { type ReflectorOptions, reflector } from "./reflector.ts";
import { resourceApi } from "./resource.ts";
import { fetchTransport } from "./transport.ts";

const logger = pino({ level: "silent" });
const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

function job(name: string, version: number, more: { uid?: string; labels?: Record<string, string> } = {}) {
  const { uid = `uid-${name}`, labels = {} } = more;
  return {
    metadata: { name, uid, resourceVersion: String(version), labels, managedFields: [{ manager: "x" }] },
    spec: { template: { spec: { containers: [] } } },
  };
}

/** A server that answers lists with `list()` and hands every watch to `watch`. */
async function running(
  script: { list: (request: Received, reply: Reply) => void; watch: (request: Received, reply: Reply) => void },
  options: Partial<ReflectorOptions<Job>> = {},
) {
  const server: ScriptedServer = await scriptedServer((request, reply) =>
    request.query.has("watch") ? script.watch(request, reply) : script.list(request, reply),
  );
  const credentials = async () => ({ headers: {}, tls: {} });
  const api = resourceApi(fetchTransport({ server: server.url, namespace: "t", credentials }), JOBS);
  const changes: Change<Job>[] = [];
  const subject = reflector(api, {
    now: () => new Date(),
    random: () => 0.5,
    logger,
    backoff: { firstMs: 5, longestMs: 20 },
    onChange: (change) => void changes.push(change),
    ...options,
  });
  const controller = new AbortController();
  const done = subject.run(controller.signal);
  const stop = async () => {
    controller.abort();
    await done;
  };
  stops.push(() => server.stop(), stop);
  const count = (kind: "list" | "watch") =>
    server.requests.filter((request) => request.query.has("watch") === (kind === "watch")).length;
  return { subject, changes, server, count, stop };
}

const listOf = (version: number, items: readonly object[]) => (_: Received, reply: Reply) =>
  reply.json(200, { metadata: { resourceVersion: String(version) }, items });
const kinds = (changes: readonly Change<Job>[]) => changes.map((change) => `${change.kind} ${change.name}`);
const names = (jobs: readonly Job[]) => jobs.map((item) => item.metadata.name).sort();

describe("reflector()", () => {
  test("lists page by page, then follows the watch in order", async () => {
    let stream: Stream | undefined;
    const { subject, changes, server } = await running({
      list: (request, reply) =>
        request.query.get("continue") === "2"
          ? reply.json(200, { metadata: { resourceVersion: "9" }, items: [job("b", 2)] })
          : reply.json(200, { metadata: { resourceVersion: "9", continue: "2" }, items: [job("a", 1)] }),
      watch: (_, reply) => {
        stream = reply.stream();
      },
    });
    await subject.synced(AbortSignal.timeout(LIMIT.normal));
    await eventually("the watch is open", () => stream);
    stream?.event("ADDED", job("c", 10));
    stream?.event("MODIFIED", job("a", 11));
    stream?.event("DELETED", job("b", 12));
    await eventually("all changes have come", () => changes.length === 5);
    expect(kinds(changes)).toEqual(["added a", "added b", "added c", "updated a", "deleted b"]);
    expect(changes.map((change) => change.initial)).toEqual([true, true, false, false, false]);
    expect(names(subject.cache.list())).toEqual(["a", "c"]);
    expect(subject.cache.get("a")?.metadata).not.toHaveProperty("managedFields");
    const watch = server.requests.at(-1);
    expect(Object.fromEntries(watch?.query ?? [])).toEqual({
      watch: "true",
      allowWatchBookmarks: "true",
      resourceVersion: "9",
      timeoutSeconds: "48",
    });
    expect(subject.health()).toMatchObject({ synced: true, relists: 0 });
  });

  test("goes on from the last event or bookmark when the server ends or cuts the watch", async () => {
    const from: (string | null)[] = [];
    const { changes, count } = await running({
      list: listOf(1, []),
      watch: (request, reply) => {
        from.push(request.query.get("resourceVersion"));
        const stream = reply.stream();
        switch (from.length) {
          case 1:
            stream.event("ADDED", job("a", 2));
            stream.end();
            return;
          case 2:
            stream.event("BOOKMARK", { metadata: { resourceVersion: "50" } });
            stream.write('{"type":"ADDED","obj');
            setTimeout(() => stream.cut(), 20);
            return;
          case 3:
            stream.event("ADDED", job("b", 51));
            return;
        }
      },
    });
    await eventually("both have come", () => changes.length === 2);
    expect(from).toEqual(["1", "2", "50"]);
    expect(count("list")).toBe(1);
  });

  for (const [name, gone] of Object.entries({
    "as a status": (reply: Reply) => reply.status(410, "Expired"),
    "in the stream": (reply: Reply) => {
      const stream = reply.stream();
      stream.event("ERROR", { kind: "Status", code: 410, reason: "Expired" });
      stream.end();
    },
  })) {
    test(`lists again after a 410 ${name} and tells only what differs`, async () => {
      let lists = 0;
      let watches = 0;
      const { subject, changes } = await running({
        list: (request, reply) => {
          lists++;
          const items = lists === 1 ? [job("a", 1), job("b", 2), job("c", 3)] : [job("a", 1), job("b", 8), job("d", 9)];
          listOf(lists * 10, items)(request, reply);
        },
        watch: (_, reply) => {
          if (watches++ === 0) gone(reply);
          else reply.stream();
        },
      });
      await eventually("the second list was taken in", () => subject.health().relists === 1);
      expect(kinds(changes)).toEqual(["added a", "added b", "added c", "updated b", "added d", "deleted c"]);
      expect(changes.slice(3).every((change) => !change.initial)).toBe(true);
    });
  }

  test("shows an object that was made anew under its old name as deleted and added", async () => {
    let lists = 0;
    const { subject, changes } = await running({
      list: (request, reply) => listOf(1, [job("a", 1, { uid: lists++ === 0 ? "old" : "new" })])(request, reply),
      watch: (_, reply) => (lists === 1 ? reply.status(410, "Gone") : void reply.stream()),
    });
    await eventually("it was listed again", () => subject.health().relists === 1);
    expect(kinds(changes)).toEqual(["added a", "deleted a", "added a"]);
    expect(changes[1]?.before?.metadata.uid).toBe("old");
  });

  test("finds a silent watch dead and opens another without listing again", async () => {
    let watches = 0;
    const { changes, count } = await running(
      {
        list: listOf(1, []),
        watch: (_, reply) => {
          const stream = reply.stream();
          if (watches++ > 0) stream.event("ADDED", job("a", 2));
        },
      },
      { idleMs: 150 },
    );
    await eventually("the second watch told of the object", () => changes.length === 1, LIMIT.quick);
    expect(count("list")).toBe(1);
  });

  test("finds a server dead that does not even answer the watch", async () => {
    let watches = 0;
    const { changes } = await running(
      {
        list: listOf(1, []),
        watch: (_, reply) => {
          if (watches++ > 0) reply.stream().event("ADDED", job("a", 2));
        },
      },
      { idleMs: 150 },
    );
    await eventually("the second watch told of the object", () => changes.length === 1, LIMIT.quick);
  });

  test("survives refused lists, server errors and dropped connections, and gets there", async () => {
    let calls = 0;
    const { subject, changes } = await running({
      list: (request, reply) => {
        calls++;
        if (calls === 1) reply.drop();
        else if (calls === 2) reply.status(500, "InternalError");
        else if (calls === 3) reply.status(429, "TooManyRequests", { "retry-after": "0" });
        else listOf(1, [job("a", 1)])(request, reply);
      },
      watch: (_, reply) => (calls++ < 6 ? reply.status(500, "InternalError") : void reply.stream()),
    });
    await eventually("the object is there", () => changes.length === 1);
    await eventually("it listed again after the failed watch", () => subject.health().relists >= 1);
  });

  test("does not ask a server in a tight loop that ends every watch at once", async () => {
    const { count } = await running(
      { list: listOf(1, []), watch: (_, reply) => reply.stream().end() },
      { backoff: { firstMs: 100, longestMs: 100 } },
    );
    await eventually("it asked twice", () => count("watch") >= 2);
    await Bun.sleep(200);
    expect(count("watch")).toBeLessThan(8);
  });

  test("goes on after a change handler that throws", async () => {
    const seen: string[] = [];
    const { subject } = await running(
      {
        list: listOf(1, [job("a", 1), job("b", 1)]),
        watch: (_, reply) => void reply.stream().event("ADDED", job("c", 2)),
      },
      {
        onChange: (change) => {
          seen.push(change.name);
          throw new Error("handler");
        },
      },
    );
    await eventually("all three were told", () => seen.length === 3);
    expect(names(subject.cache.list())).toEqual(["a", "b", "c"]);
  });

  test("reads everything again after its relist time, in case the stream left something out", async () => {
    let lists = 0;
    const { changes } = await running(
      {
        list: (request, reply) => listOf(1, lists++ === 0 ? [] : [job("missed", 1)])(request, reply),
        watch: (_, reply) => {
          const stream = reply.stream();
          stream.event("BOOKMARK", { metadata: { resourceVersion: "1" } });
          setTimeout(() => stream.end(), 20);
        },
      },
      { relistMs: 50 },
    );
    await eventually("the missed object was found", () => changes.length === 1);
  });

  test("keeps its indexes in step with additions, updates and deletions", async () => {
    let stream: Stream | undefined;
    const owned = (name: string, version: number, owner: string) => job(name, version, { labels: { owner } });
    const { subject, changes } = await running(
      {
        list: listOf(1, [owned("a", 1, "x"), owned("b", 1, "x"), owned("c", 1, "y")]),
        watch: (_, reply) => {
          stream = reply.stream();
        },
      },
      { indexes: { owner: (object) => [object.metadata.labels?.["owner"] ?? ""] } },
    );
    await eventually("the watch is open", () => stream);
    expect(names(subject.cache.by("owner", "x"))).toEqual(["a", "b"]);
    stream?.event("MODIFIED", owned("a", 2, "y"));
    stream?.event("DELETED", owned("c", 3, "y"));
    await eventually("both changes have come", () => changes.length === 5);
    expect(names(subject.cache.by("owner", "x"))).toEqual(["b"]);
    expect(names(subject.cache.by("owner", "y"))).toEqual(["a"]);
    expect(subject.cache.by("owner", "nobody")).toEqual([]);
    expect(() => subject.cache.by("colour", "x")).toThrow("there is no index 'colour'");
  });

  test("lets go of its connection when it is stopped", async () => {
    let stream: Stream | undefined;
    const { stop } = await running({
      list: listOf(1, []),
      watch: (_, reply) => {
        stream = reply.stream();
      },
    });
    await eventually("the watch is open", () => stream);
    await stop();
    await stream?.closed;
  });

  test("run() ends at once when stopped, and synced() throws for who waits in vain", async () => {
    const { subject, stop, count } = await running({ list: () => {}, watch: () => {} });
    await eventually("it asked", () => count("list") === 1);
    const waiting = subject.synced(AbortSignal.timeout(20));
    await expect(waiting).rejects.toThrow();
    await stop();
    expect(subject.health().synced).toBe(false);
  });
});
