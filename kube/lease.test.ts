import { afterEach, describe, expect, test } from "bun:test";
import pino from "pino";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { fencedTransport } from "./fence.ts";
import { LEASES, type Lease } from "./kinds.ts";
import { type LeadOptions, lead } from "./lease.ts";
import type { Term } from "./lease-term.ts";
import { resourceApi } from "./resource.ts";
import { handlerTransport } from "./transport.ts";

const logger = pino({ level: "silent" });
const FAST = { leaseMs: 1_000, renewDeadlineMs: 300, retryMs: 30 };

/** One Lease as an API server keeps it: every write needs the present resourceVersion. */
function leaseServer() {
  let lease: Lease | undefined;
  let version = 0;
  const state = {
    writes: 0,
    /** What happens to a request instead of, or after, being carried out. */
    fault: undefined as undefined | ((method: string) => "silent" | "lost" | "down" | undefined),
    lease: () => lease,
    put(next: Lease) {
      lease = { ...next, metadata: { ...next.metadata, uid: "u", resourceVersion: String(++version) } };
      return lease;
    },
    remove() {
      lease = undefined;
    },
  };
  const status = (code: number, reason: string) => Response.json({ kind: "Status", code, reason }, { status: code });
  async function carryOut(request: Request): Promise<Response> {
    if (request.method === "GET") return lease ? Response.json(lease) : status(404, "NotFound");
    const body = (await request.json()) as Lease;
    if (request.method === "POST") {
      if (lease) return status(409, "AlreadyExists");
    } else {
      if (!lease) return status(404, "NotFound");
      if (body.metadata.resourceVersion !== lease.metadata.resourceVersion) return status(409, "Conflict");
    }
    state.writes++;
    return Response.json(state.put(body));
  }
  const transport = handlerTransport(
    async (request) => {
      const fault = state.fault?.(request.method);
      if (fault === "silent") return await new Promise<Response>(() => {});
      if (fault === "down") return status(503, "ServiceUnavailable");
      const response = await carryOut(request);
      if (fault === "lost") throw new Error("connection reset");
      return response;
    },
    { namespace: "t" },
  );
  return { ...state, state, transport, leases: resourceApi(transport, LEASES) };
}

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

type Candidate = { terms: { signal: AbortSignal; term: Term }[]; leading(): boolean; stop(): Promise<void> };

function candidate(
  server: ReturnType<typeof leaseServer>,
  identity: string,
  options: Partial<LeadOptions> = {},
): Candidate {
  const controller = new AbortController();
  const terms: Candidate["terms"] = [];
  let active = 0;
  const done = lead({
    leases: server.leases,
    name: "operator",
    identity,
    async lead(signal, term) {
      active++;
      terms.push({ signal, term });
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
      active--;
    },
    now: () => new Date(),
    random: () => 0.5,
    logger,
    ...FAST,
    ...options,
    signal: controller.signal,
  });
  const stop = async () => {
    controller.abort();
    await done;
  };
  stops.push(stop);
  return { terms, leading: () => active > 0, stop };
}

describe("lead()", () => {
  test("makes the lease and leads; a second candidate waits and takes over at once after a release", async () => {
    const server = leaseServer();
    const first = candidate(server, "first");
    await eventually("the first leads", first.leading);
    expect(server.lease()?.spec).toMatchObject({
      holderIdentity: "first",
      leaseDurationSeconds: 1,
      leaseTransitions: 0,
    });
    expect(server.lease()?.spec?.renewTime).toMatch(/\.\d{6}Z$/);
    const second = candidate(server, "second");
    await eventually("the first has renewed", () => server.state.writes >= 4);
    expect(second.leading()).toBe(false);
    await first.stop();
    expect(first.terms[0]?.term.lost.aborted).toBe(false);
    const released = performance.now();
    await eventually("the second leads", second.leading);
    expect(performance.now() - released).toBeLessThan(FAST.leaseMs / 2);
    expect(server.lease()?.spec).toMatchObject({ holderIdentity: "second" });
  });

  test("takes over from a holder that no longer renews, by its own clock whatever the record's times say", async () => {
    const server = leaseServer();
    const ahead = new Date(Date.now() + 3_600_000).toISOString().replace("Z", "000Z");
    const spec = { holderIdentity: "dead", leaseDurationSeconds: 1, renewTime: ahead, leaseTransitions: 4 };
    server.put({ metadata: { name: "operator" }, spec });
    const started = performance.now();
    const next = candidate(server, "next");
    await eventually("the next leads", next.leading);
    expect(performance.now() - started).toBeGreaterThan(950);
    expect(server.lease()?.spec?.leaseTransitions).toBe(5);
  });

  test("does not take over from a holder that renews, however old its times are", async () => {
    const server = leaseServer();
    const spec = (n: number) => ({
      holderIdentity: "behind",
      leaseDurationSeconds: 1,
      renewTime: `2001-01-01T00:00:00.${String(n).padStart(6, "0")}Z`,
    });
    const next = candidate(server, "next");
    await eventually("the next led first", next.leading);
    server.put({ metadata: { name: "operator" }, spec: spec(0) });
    await eventually("the next gave up", () => !next.leading());
    for (let i = 1; i <= 15; i++) {
      server.put({ metadata: { name: "operator" }, spec: spec(i) });
      await Bun.sleep(100);
    }
    expect(next.leading()).toBe(false);
  });

  for (const [name, fault] of Object.entries({ "is silent": "silent", "is down": "down" } as const)) {
    test(`loses leadership before its lease runs out when the server ${name}, then leads again`, async () => {
      const server = leaseServer();
      const leader = candidate(server, "leader");
      await eventually("it leads", leader.leading);
      server.state.fault = () => fault;
      const since = performance.now();
      await eventually("it stopped", () => !leader.leading(), LIMIT.quick);
      expect(performance.now() - since).toBeLessThan(FAST.leaseMs / 2);
      expect(leader.terms[0]?.term.lost.aborted).toBe(true);
      expect(leader.terms[0]?.term.held()).toBe(false);
      server.state.fault = undefined;
      await eventually("it leads again", leader.leading);
      expect(leader.terms.length).toBe(2);
    });
  }

  test("keeps leading over a short outage, lost answers and a lease deleted by hand", async () => {
    const server = leaseServer();
    const leader = candidate(server, "leader");
    await eventually("it leads", leader.leading);
    let failures = 0;
    server.state.fault = (method) => (failures++ < 2 ? (method === "PUT" ? "lost" : "down") : undefined);
    await eventually("the faults are over", () => failures > 4);
    server.remove();
    await eventually("the lease is there again", () => server.lease()?.spec?.holderIdentity === "leader");
    expect(leader.terms.length).toBe(1);
    expect(leader.leading()).toBe(true);
  });

  test("held() is false after a freeze, before any timer has fired, and the fence refuses writes", async () => {
    const server = leaseServer();
    let frozen = 0;
    const leader = candidate(server, "leader", { monotonic: () => performance.now() + frozen });
    await eventually("it leads", leader.leading);
    const term = leader.terms[0]?.term;
    const fenced = fencedTransport(server.transport, () => term?.held() ?? false);
    const api = resourceApi(fenced, LEASES);
    expect(term?.held()).toBe(true);
    expect((await api.get("operator"))?.spec?.holderIdentity).toBe("leader");
    frozen = 30_000;
    expect(term?.held()).toBe(false);
    const writes = server.state.writes;
    await expect(api.patch("operator", {})).rejects.toThrow("this process no longer leads");
    expect((await api.get("operator"))?.metadata.name).toBe("operator");
    expect(server.state.writes).toBe(writes);
    await eventually("it noticed", () => term?.lost.aborted);
  });

  test("keeps the lease while it finishes after a stop, and gives it back then", async () => {
    const server = leaseServer();
    const gate = Promise.withResolvers<void>();
    let begun = false;
    const leader = candidate(server, "leader", {
      lead: async () => {
        begun = true;
        await gate.promise;
      },
    });
    await eventually("it leads", () => begun);
    const stopped = leader.stop();
    const before = server.state.writes;
    await eventually("it goes on renewing", () => server.state.writes > before + 12);
    expect(server.lease()?.spec?.holderIdentity).toBe("leader");
    gate.resolve();
    await stopped;
    expect(server.lease()?.spec?.holderIdentity).toBeUndefined();
  });

  test("releases the lease and passes on what the leader's work throws", async () => {
    const server = leaseServer();
    const signal = AbortSignal.timeout(LIMIT.normal);
    const options = {
      leases: server.leases,
      name: "operator",
      identity: "a",
      now: () => new Date(),
      random: Math.random,
    };
    const work = async () => {
      throw new Error("broken");
    };
    await expect(lead({ ...options, ...FAST, logger, signal, lead: work })).rejects.toThrow("broken");
    expect(server.lease()?.spec?.holderIdentity).toBeUndefined();
  });

  test("stands by again when its work ends because the lease was lost, and nobody has noticed yet", async () => {
    const server = leaseServer();
    let frozen = 0;
    const terms: Term[] = [];
    const leader = candidate(server, "leader", {
      monotonic: () => performance.now() + frozen,
      lead: async (signal, term) => {
        terms.push(term);
        if (terms.length > 1) {
          await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
          return;
        }
        frozen = 30_000;
        throw new Error("this process no longer leads");
      },
    });
    await eventually("it leads again", () => terms.length === 2);
    expect([terms[0]?.lost.aborted, terms[1]?.held()]).toEqual([true, true]);
    await leader.stop();
  });

  test("of many candidates at most one leads at a time", async () => {
    const server = leaseServer();
    let active = 0;
    let most = 0;
    const work = async (signal: AbortSignal) => {
      most = Math.max(most, ++active);
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
      active--;
    };
    const all = Array.from({ length: 6 }, (_, i) => candidate(server, `c${i}`, { lead: work, random: Math.random }));
    for (let round = 0; round < 5; round++) {
      await eventually("somebody leads", () => active === 1);
      const holder = Number(server.lease()?.spec?.holderIdentity?.slice(1));
      await all[holder]?.stop();
    }
    expect(most).toBe(1);
  });
});
