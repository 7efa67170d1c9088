/** Processes in orders and baskets: who may have which run on what, refused in the same words on every way over REST. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { ProcessSpec } from "#crds/process.ts";
import { setLimits } from "#store/quotas.ts";
import { upsertUser } from "#store/users.ts";
import { ADA, ADMIN, type ApiWorld, apiWorld, BOB } from "#test/support/api-world.ts";
import { basketOf, told } from "#test/support/basket-calls.ts";
import { addBasketProducts, datasetOf } from "#test/support/basket-products.ts";
import { eventually } from "#test/support/eventually.ts";
import { briefly } from "./read.ts";

const MEMBER = "member@example.org";

let world: ApiWorld;
beforeAll(async () => {
  world = await apiWorld("api_processes");
  const radar = datasetOf("Radar", { products: 3, bytes: 300 }).map((one) => ({ ...one, quicklookBytes: 1 }));
  const optical = datasetOf("Optical", { products: 2, bytes: 50 });
  const closed = { name: "closed-0", dataset: "Closed", isPublic: false, groups: ["inner"] };
  await addBasketProducts(world.db, [...radar, ...optical, closed], world.clock.now);
  await upsertUser(world.db, { email: MEMBER, role: "REGISTERED_USER", groups: ["inner"], active: true });
  const width = { type: "integer", minimum: 1 };
  await world.process("cut", { parameters: { properties: { width }, required: ["width"] } });
  await world.process("plain");
  await world.process("secret", { role: "ADMIN" });
  await world.process("broken", { parameters: { properties: { a: { type: "integr" } } } });
  await world.process("radar", { datasets: ["Radar"] });
  await world.process("inner", { datasets: ["URN:DATASET:Closed", "Nothing"] });
  await world.process("two", { limits: { products: 2, forbidSplit: true } });
});
afterAll(() => world.close());
beforeEach(async () => {
  await world.db`DELETE FROM baskets`;
});

type Answered = {
  readonly content: Record<string, unknown> & { readonly id: number };
  readonly messages: readonly string[];
} & Record<string, unknown>;

const selection = (
  name: string,
  o: { parameters?: Record<string, string>; dataset?: string; query?: string } = {},
) => ({
  ...(o.query === undefined ? { dataset: o.dataset ?? "Radar" } : { query: o.query }),
  process: { name, ...(o.parameters && { parameters: o.parameters }) },
});
const apply = async (body: object, o: { as?: string; query?: string } = {}) => {
  const response = await world.call(`POST /user/orders/apply${o.query ?? ""}`, { body, ...(o.as && { as: o.as }) });
  return { status: response.status, body: (await response.json()) as Answered };
};
const fill = async (query: string, as = ADA) => {
  const body = { engineType: "legacy", searchParameters: { q: [query] } };
  const [dataset] = (await basketOf(await world.call("POST /order/basket/selection", { body, as }))).datasetSelections;
  return dataset?.id ?? 0;
};
const put = (id: number, name: string, o: { parameters?: Record<string, string>; as?: string } = {}) =>
  world.call(`PUT /order/basket/dataset/${id}/updateProcessing`, {
    body: { processBusinessId: name, ...(o.parameters && { parameters: o.parameters }) },
    ...(o.as && { as: o.as }),
  });

type Refused = {
  readonly name: string;
  readonly parameters?: Record<string, string>;
  readonly query?: string;
  /** In an order that names it, and where a dataset of the basket is given it. */
  readonly applied: readonly [number, string, string];
  readonly attached: readonly [number, string];
};
const REFUSED: Record<string, Refused> = {
  "a process that is not there": {
    name: "nothing",
    applied: [422, "INVALID_CONTENT", "selections[0].process.name: Process 'nothing' does not exist"],
    attached: [404, "Process 'nothing' does not exist"],
  },
  "a process for higher roles": {
    name: "secret",
    applied: [
      403,
      "FORBIDDEN",
      "selections[0].process.name: Process 'secret' may not be used as REGISTERED_USER: expected at least ADMIN",
    ],
    attached: [403, "Process 'secret' may not be used as REGISTERED_USER: expected at least ADMIN"],
  },
  "a process that is not ready": {
    name: "broken",
    applied: [
      422,
      "INVALID_CONTENT",
      "selections[0].process.name: Process 'broken' is not ready: parameters: schema is invalid: data/properties/a/type must be equal to one of the allowed values",
    ],
    attached: [422, "Process 'broken' is not ready: parameters: schema is invalid"],
  },
  "a parameter that is wrong": {
    name: "cut",
    parameters: { width: "0" },
    applied: [422, "INVALID_CONTENT", "selections[0].process.parameters.width: expected at least 1"],
    attached: [422, "parameters.width: expected at least 1"],
  },
  "a parameter that is missing": {
    name: "cut",
    applied: [422, "INVALID_CONTENT", "selections[0].process.parameters.width: missing"],
    attached: [422, "parameters.width: missing"],
  },
  "a parameter that there is not": {
    name: "plain",
    parameters: { width: "1" },
    applied: [422, "INVALID_CONTENT", "selections[0].process.parameters.width: unknown parameter"],
    attached: [422, "parameters.width: unknown parameter"],
  },
  "a dataset that it is not for": {
    name: "radar",
    query: "providerId:Optical*",
    applied: [
      422,
      "INVALID_CONTENT",
      "selections[0].process.name: Process 'radar' may not be used on dataset 'Optical': expected one of Radar",
    ],
    attached: [422, "Process 'radar' may not be used on dataset 'Optical': expected one of Radar"],
  },
  "more than it takes at once": {
    name: "two",
    query: "providerId:Radar*",
    applied: [409, "ORDER_LIMIT_REACHED", 'The number of selected "FEATURES" in the basket [3] exceeds'],
    attached: [409, 'The number of selected "FEATURES" in the basket [3] exceeds'],
  },
};

describe("an order with a process", () => {
  for (const [name, { applied, attached, ...call }] of Object.entries(REFUSED)) {
    test(`is refused for ${name}, in the basket too`, async () => {
      const before = (await world.db`SELECT count(*) AS n FROM orders`)[0]?.["n"];
      for (const query of ["", "?dryRun=true"]) {
        const { status, body } = await apply({ selections: [selection(call.name, call)] }, { query });
        expect([status, body["errorType"], body.messages[0]]).toEqual([
          applied[0],
          applied[1],
          expect.stringContaining(applied[2]),
        ]);
        expect(body["status"]).toBe("DENIED");
      }
      expect((await world.db`SELECT count(*) AS n FROM orders`)[0]?.["n"]).toBe(before);
      const id = await fill(call.query ?? "providerId:Radar*");
      const [status, messages] = await told(await put(id, call.name, call));
      expect([status, messages[0]]).toEqual([attached[0], expect.stringContaining(attached[1])]);
    });
  }

  test("is told the contract's words over the limit, as the exception that it is there", async () => {
    const { body } = await apply({ selections: [selection("two")] });
    const text =
      'The number of selected "FEATURES" in the basket [3] exceeds the maximum number of "FEATURES" allowed [2]. Please, decrease the number of selected items or contact the administrator for more information.';
    expect([body["message"], body.messages]).toEqual([`TooManyItemsSelectedInBasketException: ${text}`, [text]]);
  });

  test("is taken, with the parameters as they were given", async () => {
    const { status, body } = await apply({ selections: [selection("cut", { parameters: { width: "5" } })] });
    expect(status).toBe(201);
    expect((await world.row(body["orderId"] as number)).spec.selections).toEqual([
      selection("cut", { parameters: { width: "5" } }),
    ]);
  });

  test("counts the same call once, other selections not at all, and each dataset for itself", async () => {
    const two = ["Radar-0", "Radar-1"].map((id) => selection("two", { query: `providerId:"${id}"` }));
    expect((await apply({ selections: [...two, ...two, { query: "providerId:Radar*" }] })).status).toBe(201);
    const third = selection("two", { query: 'providerId:"Radar-2"' });
    expect((await apply({ selections: [...two, third] })).status).toBe(409);
    const optical = selection("two", { dataset: "Optical" });
    expect((await apply({ selections: [...two, optical] })).status).toBe(201);
  });

  test("names the selection that is wrong after the request's own queries", async () => {
    const { body } = await apply({ queries: ["*"], selections: [selection("plain"), selection("nothing")] });
    expect(body.messages).toEqual(["selections[1].process.name: Process 'nothing' does not exist"]);
  });

  test("is for whoever has the role, and a repeat of it is the same order whatever the process has become", async () => {
    const body = { selections: [selection("secret")], correlationId: "once" };
    const first = await apply(body, { as: ADMIN });
    expect(first.status).toBe(201);
    await world.processes.patch("secret", { spec: { role: "INSTANCE_ADMIN" } });
    expect((await apply(body, { as: ADMIN })).body["orderId"]).toBe(first.body["orderId"]);
    expect((await apply({ ...body, correlationId: "twice" }, { as: ADMIN })).status).toBe(403);
  });

  test("costs nothing of the download quota", async () => {
    await setLimits(world.db, BOB, { maxQuota: 2 });
    expect((await apply({ selections: [{ dataset: "Radar" }] }, { as: BOB })).status).toBe(422);
    const selections = [selection("plain"), { dataset: "Optical" }];
    expect((await apply({ selections }, { as: BOB })).status).toBe(201);
    expect((await apply({ selections: [selection("plain")] }, { as: BOB })).status).toBe(201);
  });

  test("503 while Kubernetes is away; an order without one is taken all the same", async () => {
    world.switches.kubernetesAway = true;
    const refused = await world.call("POST /user/orders/apply", { body: { selections: [selection("plain")] } });
    const taken = await apply({ queries: ["providerId:Optical*"] });
    world.switches.kubernetesAway = false;
    expect([refused.status, refused.headers.get("retry-after"), taken.status]).toEqual([503, "5", 201]);
  });

  test("is told by a dry run: the inputs apart from what is ordered as it is", async () => {
    const parameters = { width: "5" };
    await world.process("each", { scope: "Product", inputs: ["RAWDATA", "QUICKLOOK_SD"] });
    await world.process("small", { limits: { files: 2 } });
    const selections = [
      { dataset: "Optical" },
      selection("each"),
      selection("small"),
      selection("cut", { parameters }),
    ];
    const { status, body } = await apply({ selections }, { query: "?dryRun=true" });
    expect(status).toBe(200);
    expect(body.content).toMatchObject({
      productsCount: 2,
      filesCount: 2,
      filesSize: 50,
      subOrders: { toFetch: 1 + 3 + 2 + 1, references: 0 },
      processes: [
        { name: "each", productsCount: 3, filesCount: 6, filesSize: 303, runs: 3 },
        { name: "small", productsCount: 3, filesCount: 3, filesSize: 300, runs: 2 },
        { name: "cut", productsCount: 3, filesCount: 3, filesSize: 300, runs: 1 },
      ],
      quota: { files: 2 },
    });
  });
});

describe("a basket with a process", () => {
  test("is refused when it is ordered, once the process is another", async () => {
    const changes: Record<string, readonly [Partial<ProcessSpec> | undefined, number, string]> = {
      higher: [{ role: "ADMIN" }, 403, "Process 'higher' may not be used as REGISTERED_USER: expected at least ADMIN"],
      narrower: [{ datasets: ["Optical"] }, 422, "Process 'narrower' may not be used on dataset 'Radar'"],
      smaller: [
        { limits: { products: 1, forbidSplit: true } },
        409,
        'The number of selected "FEATURES" in the basket [3] exceeds the maximum number of "FEATURES" allowed [1]. The order cannot be processed because the parameter forbidSplitInSuborders is active. Please decrease the number of items ordered or contact the administrator for more information.',
      ],
      demanding: [
        { parameters: { properties: { width: {} }, required: ["width"] } },
        422,
        "Process 'demanding': parameters.width: missing",
      ],
      gone: [undefined, 422, "Process 'gone' does not exist"],
    };
    for (const [name, [spec, status, message]] of Object.entries(changes)) {
      await world.process(name);
      await world.db`DELETE FROM baskets`;
      await basketOf(await put(await fill("providerId:Radar*"), name));
      if (spec) await world.processes.patch(name, { spec });
      else await world.processes.delete(name);
      const [answered, messages] = await told(await world.call("POST /user/orders", { body: {} }));
      expect([name, answered, messages[0]]).toEqual([name, status, expect.stringContaining(message)]);
      expect((await world.call("GET /order/basket")).status).toBe(200);
    }
  });

  test("takes no selection more than the process takes, of a dataset that it is not for any more either", async () => {
    await world.process("shrinking", { limits: { products: 2, forbidSplit: true } });
    await basketOf(await put(await fill("providerId:Radar-0 OR providerId:Radar-1"), "shrinking"));
    const add = () =>
      world.call("POST /order/basket/selection", {
        body: { engineType: "legacy", searchParameters: { q: ["providerId:Radar-2"] } },
      });
    expect((await add()).status).toBe(409);
    await world.processes.patch("shrinking", { spec: { datasets: ["Optical"], limits: { products: 9 } } });
    expect((await add()).status).toBe(422);
    await world.processes.delete("shrinking");
    expect((await add()).status).toBe(200);
  });
});

describe("ORDER_HAS_PROCESSING", () => {
  const withProcess = async (status: "FAILED" | "RUNNING" | "DONE") => {
    const { body } = await apply({ selections: [selection("plain"), { dataset: "Optical" }] });
    const id = body["orderId"] as number;
    await world.setStatus(id, status);
    return id;
  };
  const links = async (id: number) => {
    const response = await world.call(`GET /user/orders/${id}`);
    return ((await response.json()) as { links: { rel: string }[] }).links.map(({ rel }) => rel);
  };

  test("an order with a process is not retried but restarted, and offers no more", async () => {
    const id = await withProcess("FAILED");
    const retry = await world.call(`PUT /user/orders/${id}/retry`);
    expect([retry.status, await retry.json()]).toEqual([401, { messages: ["ORDER_HAS_PROCESSING"] }]);
    expect(await links(id)).toEqual(["self", "list", "restart", "delete"]);
    const restarted = await world.call(`POST /user/orders/${id}/restart`, { body: { label: "again" } });
    expect(restarted.status).toBe(201);
    const { content } = (await restarted.json()) as Answered;
    expect((await world.row(content.id)).spec.selections[0]?.process).toEqual({ name: "plain" });
  });

  test("the state is asked about first", async () => {
    const retry = await world.call(`PUT /user/orders/${await withProcess("RUNNING")}/retry`);
    expect(await retry.json()).toEqual({ messages: ["ORDER_MUST_BE_DONE_WITH_WARNING_OR_FAILED"] });
  });

  test("of many orders only those without are retried; named ones are refused", async () => {
    const id = await withProcess("FAILED");
    const act = async (body: object) =>
      (await (await world.call("POST /user/orders/actions", { body })).json()) as {
        content: { results: { orderId: number; messages: string[] }[] };
      };
    const all = await act({ action: "retry", filter: {} });
    expect(all.content.results.map(({ orderId }) => orderId)).not.toContain(id);
    const named = await act({ action: "retry", orderIds: [id] });
    expect(named.content.results).toEqual([
      { orderId: id, status: 401, messages: ["ORDER_HAS_PROCESSING"] } as (typeof named.content.results)[number],
    ]);
  });

  test("a restart is refused as a new order is", async () => {
    await world.process("leaving");
    const { body } = await apply({ selections: [selection("leaving")] });
    await world.setStatus(body["orderId"] as number, "DONE");
    await world.processes.delete("leaving");
    const answer = await told(await world.call(`POST /user/orders/${body["orderId"]}/restart`, { body: {} }));
    expect(answer).toEqual([422, ["Process 'leaving' does not exist"]]);
  });
});

describe("GET /processes", () => {
  type View = { readonly name: string } & Record<string, unknown>;
  const list = async (as: string) => (await (await world.call("GET /processes", { as })).json()) as View[];

  test("tells those that the caller may use, by name, with what must be known to call them", async () => {
    await world.process("told", {
      title: "Told",
      description: "Says something",
      scope: "Product",
      inputs: ["QUICKLOOK_SD"],
      limits: { files: 3 },
      parameters: { properties: { a: { type: "string" } } },
      deadlineSeconds: 60,
    });
    const views = await list(ADA);
    const names = views.map(({ name }) => name);
    expect(names).toEqual(names.toSorted());
    expect(names).toContain("radar");
    for (const hidden of ["secret", "broken", "inner"]) expect(names).not.toContain(hidden);
    expect(views.find(({ name }) => name === "told")).toEqual({
      name: "told",
      processBusinessId: (await world.processes.get("told"))?.metadata.uid ?? "",
      title: "Told",
      description: "Says something",
      scope: "Product",
      inputs: ["QUICKLOOK_SD"],
      limits: { files: 3 },
      parameters: { properties: { a: { type: "string" } } },
      deadlineSeconds: 60,
    });
    expect(views.find(({ name }) => name === "radar")).toMatchObject({ inputs: ["RAWDATA"], datasets: ["Radar"] });
  });

  test("names no dataset that the caller may not see", async () => {
    const inner = (await list(MEMBER)).find(({ name }) => name === "inner");
    expect(inner?.["datasets"]).toEqual(["URN:DATASET:Closed"]);
  });

  test("tells an administrator more", async () => {
    await world.process("admins", { role: "ADMIN" });
    expect((await list(ADMIN)).map(({ name }) => name)).toContain("admins");
    expect((await list(ADA)).map(({ name }) => name)).not.toContain("admins");
  });

  test("503 while Kubernetes is away, 401 without a token", async () => {
    world.switches.kubernetesAway = true;
    const response = await world.call("GET /processes");
    world.switches.kubernetesAway = false;
    expect([response.status, await response.json()]).toEqual([
      503,
      { messages: ["Cannot look for the process: Kubernetes does not answer now"] },
    ]);
    expect((await world.call("GET /processes", { as: null })).status).toBe(401);
  });
});

test("briefly() asks once a second, and again at once after a failure", async () => {
  let asked = 0;
  let now = 0;
  const read = briefly(
    async () => {
      asked++;
      if (asked === 2) throw new Error("away");
      return [];
    },
    () => now,
  );
  await Promise.all([read(), read()]);
  expect(asked).toBe(1);
  now = 1_001;
  await expect(read()).rejects.toThrow("away");
  await eventually("it asks again", async () => (await read()).length === 0);
  expect(asked).toBe(3);
});
