/** The reflector against a server that keeps real history and breaks at random: whatever happens, its cache ends as the truth is. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import pino from "pino";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { type Received, type Reply, type Stream, scriptedServer } from "#test/support/scripted-server.ts";
import { JOBS, type Job } from "./kinds.ts";
import { reflector } from "./reflector.ts";
import { resourceApi } from "./resource.ts";
import { fetchTransport } from "./transport.ts";

type Write = { readonly name: string; readonly value: string; readonly remove: boolean };
type Fault = "none" | "cut" | "end" | "silence" | "gone" | "refuse" | "compact";
type Step = { readonly writes: readonly Write[]; readonly fault: Fault };

const word = fc.constantFrom("a", "b", "c", "d", "e");
const write = fc.record({ name: word, value: fc.string({ maxLength: 6 }), remove: fc.boolean() });
const fault = fc.constantFrom<Fault>("none", "cut", "end", "silence", "gone", "refuse", "compact");
const steps = fc.array(fc.record({ writes: fc.array(write, { maxLength: 5 }), fault }), { minLength: 1, maxLength: 6 });

/** Objects with versions and their history, as etcd keeps them; what is older than `compacted` cannot be watched from. */
class History {
  readonly objects = new Map<string, object>();
  readonly #events: { version: number; type: string; object: object }[] = [];
  readonly #streams = new Set<Stream>();
  #version = 1;
  #compacted = 0;
  #silent = false;
  #refusals = 0;

  apply({ name, value, remove }: Write): void {
    const known = this.objects.has(name);
    if (remove && !known) return;
    const version = ++this.#version;
    const uid = known ? (this.objects.get(name) as Job).metadata.uid : `uid-${version}`;
    const object = { metadata: { name, uid, resourceVersion: String(version), annotations: { value } }, spec: {} };
    if (remove) this.objects.delete(name);
    else this.objects.set(name, object);
    const type = remove ? "DELETED" : known ? "MODIFIED" : "ADDED";
    this.#events.push({ version, type, object });
    if (!this.#silent) for (const stream of this.#streams) stream.event(type, object);
  }

  fail(what: Fault): void {
    this.#silent = what === "silence";
    if (what === "refuse") this.#refusals = 2;
    if (what === "compact" || what === "gone") this.#compacted = this.#version;
    for (const stream of this.#streams) {
      if (what === "cut" || what === "refuse" || what === "compact") stream.cut();
      if (what === "end") stream.end();
      if (what === "gone") {
        stream.event("ERROR", { kind: "Status", code: 410, reason: "Expired" });
        stream.end();
      }
    }
    if (what !== "none") this.#streams.clear();
  }

  answer(request: Received, reply: Reply): void {
    if (this.#refusals > 0) {
      this.#refusals--;
      reply.status(500, "InternalError");
      return;
    }
    if (!request.query.has("watch")) {
      reply.json(200, { metadata: { resourceVersion: String(this.#version) }, items: [...this.objects.values()] });
      return;
    }
    const from = Number(request.query.get("resourceVersion"));
    if (from < this.#compacted) {
      reply.status(410, "Expired");
      return;
    }
    this.#silent = false;
    const stream = reply.stream();
    for (const event of this.#events) if (event.version > from) stream.event(event.type, event.object);
    this.#streams.add(stream);
    void stream.closed.then(() => this.#streams.delete(stream));
  }
}

async function run(sequence: readonly Step[]): Promise<void> {
  const history = new History();
  const server = await scriptedServer((request, reply) => history.answer(request, reply));
  const credentials = async () => ({ headers: {}, tls: {} });
  const api = resourceApi(fetchTransport({ server: server.url, namespace: "t", credentials }), JOBS);
  const told = new Map<string, string | undefined>();
  const misfits: string[] = [];
  const subject = reflector(api, {
    now: () => new Date(),
    random: Math.random,
    logger: pino({ level: "silent" }),
    idleMs: 80,
    backoff: { firstMs: 2, longestMs: 10 },
    onChange(change) {
      // Additions, updates and deletions must fit together: a consumer keeps its own books from them.
      if (told.has(change.name) !== (change.kind !== "added")) misfits.push(`${change.kind} ${change.name}`);
      if (change.now === undefined) told.delete(change.name);
      else told.set(change.name, change.now.metadata.resourceVersion);
    },
  });
  const controller = new AbortController();
  const done = subject.run(controller.signal);
  try {
    await subject.synced(controller.signal);
    for (const step of sequence) {
      for (const [i, each] of step.writes.entries()) {
        if (i === 2) history.fail(step.fault);
        history.apply(each);
        await Bun.sleep(0);
      }
    }
    const versions = () =>
      new Map(
        [...history.objects.values()].map((job) => [(job as Job).metadata.name, (job as Job).metadata.resourceVersion]),
      );
    const cached = () => new Map(subject.cache.list().map(({ metadata }) => [metadata.name, metadata.resourceVersion]));
    await eventually("the cache is as the truth", () => Bun.deepEquals(cached(), versions()), LIMIT.quick);
    expect(told).toEqual(versions());
    expect(misfits).toEqual([]);
  } finally {
    controller.abort();
    await done;
    await server.stop();
  }
}

describe("reflector()", () => {
  test("ends with what the server has, whatever broke in between", async () => {
    await fc.assert(fc.asyncProperty(steps, run), { numRuns: 40, endOnFailure: true });
  }, 20_000);
});
