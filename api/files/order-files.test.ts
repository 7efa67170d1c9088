import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { orderFiles } from "#store/files.ts";
import { ADMIN, type ApiWorld, apiWorld, BOB, PREFIX, PUBLIC_URL } from "#test/support/api-world.ts";

let world: ApiWorld;
let id: number;
let files: readonly number[];
beforeAll(async () => {
  world = await apiWorld("api_order_files");
  ({ id, files } = await world.order(
    [
      { name: "a", content: "a", subOrder: 1 },
      { name: "b", error: "HTTP 404 from its source", subOrder: 1 },
      { name: "c", error: "HTTP 500 from its source", subOrder: 2 },
      { name: "d", subOrder: 2 },
      { name: "e", content: "e", subOrder: 3 },
    ],
    { status: "RUNNING" },
  ));
});
afterAll(() => world.close());

type Entry = { readonly content: Record<string, unknown>; readonly links: readonly object[] };
type Answer = { readonly metadata: object; readonly content: readonly Entry[]; readonly links: { href: string }[] };

async function get(path: string, as?: string) {
  const response = await world.call(`GET /user/orders/${id}/${path}`, as ? { as } : {});
  const text = await response.text();
  return { status: response.status, body: (text === "" ? {} : JSON.parse(text)) as Answer & { messages: string[] } };
}

const names = ({ body }: { body: Answer }) => body.content.map(({ content }) => content["filename"]);

describe("GET /user/orders/{id}/files", () => {
  test("says of each file what became of it, and why", async () => {
    const answer = await get("files");
    expect(names(answer)).toEqual(["a", "b", "c", "d", "e"]);
    expect(answer.body.content[1]?.content).toMatchObject({
      id: files[1],
      state: "ERROR",
      downloadError: "HTTP 404 from its source",
      orderId: id,
    });
    expect(JSON.stringify(answer.body)).not.toContain("source.example.org");
  });

  const CHOICES: Record<string, string[]> = {
    "state=ERROR": ["b", "c"],
    "state=ERROR,PENDING": ["b", "c", "d"],
    "state=PENDING&state=AVAILABLE": ["a", "d", "e"],
    "state=DOWNLOADED": [],
    "subOrder=2": ["c", "d"],
    "subOrder=2&state=ERROR": ["c"],
    "subOrder=9": [],
  };
  for (const [query, want] of Object.entries(CHOICES)) {
    test(`gives those of ${query}`, async () => {
      const answer = await get(`files?${query}`);
      expect(names(answer)).toEqual(want);
      expect(answer.body.metadata).toMatchObject({ totalElements: want.length });
    });
  }

  test("goes through pages that keep the choice, each file once", async () => {
    const seen: unknown[] = [];
    for (let page = 0; page < 3; page++) {
      const answer = await get(`files?state=ERROR,PENDING&size=1&page=${page}`);
      seen.push(...names(answer));
      expect(answer.body.metadata).toMatchObject({ totalElements: 3, totalPages: 3, number: page });
      const base = `${PUBLIC_URL}${PREFIX}/user/orders/${id}/files?state=ERROR%2CPENDING&page=`;
      for (const { href } of answer.body.links) expect(href).toStartWith(base);
    }
    expect(seen).toEqual(["b", "c", "d"]);
  });

  test("422 naming the field, 403 for others but not for an administrator", async () => {
    const wrong = await get("files?state=BROKEN");
    expect([wrong.status, wrong.body.messages[0]]).toEqual([
      422,
      "state: expected some of PENDING, AVAILABLE, DOWNLOADED, DOWNLOAD_ERROR, ERROR, PROCESSING_ERROR, got 'BROKEN'",
    ]);
    expect((await get("files?subOrder=x")).status).toBe(422);
    expect((await get("files", BOB)).status).toBe(403);
    expect((await get("files", ADMIN)).status).toBe(200);
  });
});

describe("GET /user/orders/{id}/suborders", () => {
  test("tells how each stands, with a link to its files", async () => {
    const { body } = await get("suborders");
    expect(body.metadata).toMatchObject({ totalElements: 3 });
    expect(body.content[1]).toEqual({
      content: {
        id: expect.any(Number),
        number: 2,
        datasetLabel: "Dataset",
        state: "Running",
        attempt: 1,
        reference: false,
        files: { total: 2, pending: 1, available: 0, downloaded: 0, failed: 1 },
        bytes: 2000,
        startDate: expect.any(String),
        lastReportDate: expect.any(String),
      },
      links: [{ rel: "files", href: `${PUBLIC_URL}${PREFIX}/user/orders/${id}/files?subOrder=2` }],
    });
  });

  test("by state, and in pages", async () => {
    expect((await get("suborders?state=Waiting,Failed")).body.content).toEqual([]);
    expect((await get("suborders?state=Running&size=2&page=1")).body.content.map((e) => e.content["number"])).toEqual([
      3,
    ]);
    expect((await get("suborders?state=running")).status).toBe(422);
  });
});

test("orderFiles() finds the few failures of many files, in pages over sub-orders", async () => {
  const many = await world.order(
    Array.from({ length: 60 }, (_, i) => ({
      name: `f${i}`,
      subOrder: 1 + Math.floor(i / 6),
      ...(i % 7 === 0 ? { error: "gone" } : {}),
    })),
  );
  const seen: number[] = [];
  for (let page = 0; page < 5; page++) {
    const { rows, total } = await orderFiles(world.db, many.id, { states: ["ERROR"], page, size: 2 });
    expect(total).toBe(9);
    seen.push(...rows.map((file) => file.id));
  }
  expect(seen).toEqual(many.files.filter((_, i) => i % 7 === 0));
});
