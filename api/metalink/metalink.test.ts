import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { OrderStatusWord } from "#crds/files.ts";
import { ADA, ADMIN, type ApiWorld, apiWorld, BOB, PREFIX, PUBLIC_URL } from "#test/support/api-world.ts";
import { temporaryFolder } from "#test/support/folder.ts";
import { readZip } from "#test/support/read-zip.ts";

let world: ApiWorld;
beforeAll(async () => {
  world = await apiWorld("api_metalink");
});
afterAll(() => world.close());

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const path = (id: number, query = "") => `/user/orders/${id}/metalink/download${query}`;

async function document(id: number, o: { query?: string; as?: string; accept?: string } = {}): Promise<string> {
  const response = await world.call(`GET ${path(id, o.query)}`, {
    as: o.as ?? ADA,
    ...(o.accept && { headers: { accept: o.accept } }),
  });
  expect(response.status).toBe(200);
  return response.text();
}

/** The addresses of the document, as a download manager reads them. */
function urls(xml: string): string[] {
  return [...xml.matchAll(/<url[^>]*>([^<]+)<\/url>/g)].map(([, url]) => (url ?? "").replaceAll("&amp;", "&"));
}

/** Asks for an address of a document without a login. */
function follow(url: string): Promise<Response> {
  expect(url).toStartWith(`${PUBLIC_URL}${PREFIX}/orders/public/files/`);
  return world.call(`GET ${url.slice((PUBLIC_URL + PREFIX).length)}`, { as: null });
}

describe("O12 metalink", () => {
  test("has the contract's form and headers, P17: with hashes", async () => {
    const { id, files } = await world.order([{ name: "a & b.txt", content: "content" }]);
    const response = await world.call(`GET ${path(id)}`);
    expect(response.headers.get("content-type")).toBe("application/metalink+xml");
    expect(response.headers.get("content-disposition")).toBe(
      `attachment; filename="order_${id}_2026-11-20T10_20_30.000Z.metalink"`,
    );
    const xml = await response.text();
    const [url = ""] = urls(xml);
    expect(url).toMatch(new RegExp(`/orders/public/files/${files[0]}\\?orderToken=[\\w.-]+&scope=default$`));
    expect(
      xml.replace(url.replaceAll("&", "&amp;"), "URL"),
    ).toBe(`<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<metalink xmlns="http://www.metalinker.org/" version="3.0">
    <files>
        <file name="a &amp; b.txt">
            <identity>a &amp; b.txt</identity>
            <mimetype>text/plain</mimetype>
            <resources>
                <url>URL</url>
            </resources>
            <size>7</size>
            <verification>
                <hash type="sha256">${sha256("content")}</hash>
            </verification>
        </file>
    </files>
</metalink>
`);
  });

  test("testDownloadNotYetAvailableFile: a file that is pending is listed and answers 202", async () => {
    const { id } = await world.order([{ name: "late.txt" }]);
    const [url = ""] = urls(await document(id));
    const response = await follow(url);
    expect([response.status, await response.json()]).toEqual([202, { messages: ["Not yet available."] }]);
  });

  test("P17: what failed, and what only the service could open, is not listed", async () => {
    const { id } = await world.order([
      { name: "good.txt", content: "x" },
      { name: "failed.txt", error: "no" },
      { name: "far.txt", reference: "https://elsewhere.example.org/far.txt", subOrder: 2 },
      { name: "tape.txt", reference: "s3://bucket/tape.txt", subOrder: 2 },
    ]);
    const names = [...(await document(id)).matchAll(/file name="([^"]+)"/g)].map(([, name]) => name);
    expect(names).toEqual(["good.txt", "far.txt"]);
  });

  test("P17: an order without a file that can arrive answers 404, not a document that is not valid", async () => {
    const { id } = await world.order([{ name: "failed.txt", error: "no" }]);
    const response = await world.call(`GET ${path(id)}`);
    expect([response.status, await response.text()]).toEqual([404, ""]);
  });

  test("a catalogue's checksum is told of what has not come yet, where it can be one", async () => {
    const { id, files } = await world.order([{ name: "a" }, { name: "b" }, { name: "c" }]);
    const [a = 0, b = 0, c = 0] = files;
    await world.db`UPDATE order_files SET checksum = ${"AB".repeat(16)}, algorithm = 'MD5' WHERE id = ${a}`;
    await world.db`UPDATE order_files SET checksum = ${"cd".repeat(64)}, algorithm = 'SHA-512' WHERE id = ${b}`;
    await world.db`UPDATE order_files SET checksum = 'short', algorithm = 'MD5' WHERE id = ${c}`;
    const xml = await document(id);
    expect(xml.match(/<hash.*<\/hash>/g)).toEqual([
      `<hash type="md5">${"ab".repeat(16)}</hash>`,
      `<hash type="sha512">${"cd".repeat(64)}</hash>`,
    ]);
  });

  for (const status of ["DELETED", "EXPIRED", "PENDING", "FAILED"] satisfies OrderStatusWord[]) {
    test(`404 with an empty body while ${status}`, async () => {
      const { id } = await world.order([{ name: "a", content: "a" }], { status });
      const response = await world.call(`GET ${path(id)}`);
      expect([response.status, await response.text()]).toEqual([404, ""]);
    });
  }

  for (const status of ["RUNNING", "PAUSED", "DONE", "DONE_WITH_WARNING", "ERROR"] satisfies OrderStatusWord[]) {
    test(`200 while ${status}`, async () => {
      const { id } = await world.order([{ name: "a", content: "a" }], { status });
      expect(await document(id)).toContain('name="a"');
    });
  }

  test("P6: 403 for another user's order, 404 for none, both empty", async () => {
    const { id } = await world.order([{ name: "a", content: "a" }]);
    for (const [order, as, status] of [
      [id, BOB, 403],
      [999_999, ADA, 404],
    ] as const) {
      const response = await world.call(`GET ${path(order)}`, { as });
      expect([response.status, await response.text()]).toEqual([status, ""]);
    }
  });

  test("P31: links of a document that an administrator asked for work", async () => {
    const { id } = await world.order([{ name: "a", content: "content" }]);
    const [url = ""] = urls(await document(id, { as: ADMIN }));
    const response = await follow(url);
    expect([response.status, await response.text()]).toEqual([200, "content"]);
  });

  test("names are safe and different, each file has its own link", async () => {
    const { id } = await world.order([
      { name: "../a.txt", content: "1" },
      { name: "a.txt", content: "2" },
    ]);
    const xml = await document(id);
    expect([...xml.matchAll(/file name="([^"]+)"/g)].map(([, name]) => name)).toEqual(["a.txt", "a (1).txt"]);
    expect(xml).toContain("<identity>../a.txt</identity>");
    expect(new Set(urls(xml)).size).toBe(2);
  });
});

describe("O12 other formats", () => {
  test("Metalink 4 by Accept or by ?format=4", async () => {
    const { id } = await world.order([{ name: "a.txt", content: "content" }]);
    const accepted = await world.call(`GET ${path(id)}`, {
      headers: { accept: "application/metalink+xml;q=0.5, application/metalink4+xml" },
    });
    expect(accepted.headers.get("content-type")).toBe("application/metalink4+xml");
    expect(accepted.headers.get("vary")).toBe("Accept");
    expect(accepted.headers.get("content-disposition")).toEndWith('.meta4"');
    const xml = await accepted.text();
    expect(await document(id, { query: "?format=4" })).toBe(xml);
    const [url = ""] = urls(xml);
    expect(xml.replace(url.replaceAll("&", "&amp;"), "URL")).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<metalink xmlns="urn:ietf:params:xml:ns:metalink">
  <generator>regards-order</generator>
  <file name="a.txt">
    <identity>a.txt</identity>
    <size>7</size>
    <hash type="sha-256">${sha256("content")}</hash>
    <url priority="1">URL</url>
  </file>
</metalink>
`);
    expect(await (await follow(url)).text()).toBe("content");
  });

  test("?format wins over Accept, and an unknown one is refused", async () => {
    const { id } = await world.order([{ name: "a.txt", content: "a" }]);
    expect(await document(id, { query: "?format=3", accept: "application/metalink4+xml" })).toContain("metalinker.org");
    const response = await world.call(`GET ${path(id, "?format=5")}`);
    expect([response.status, await response.json()]).toEqual([
      422,
      { messages: ["format: expected one of 3, 4, manifest, aria2, got '5'"] },
    ]);
  });

  test("manifest: what the archive holds passes `sha256sum -c`", async () => {
    const { id } = await world.order([
      { name: "a.txt", content: "one" },
      { name: "a.txt", content: "two" },
      { name: "a.txt", content: "one" },
      { name: "late.txt" },
    ]);
    const manifest = await document(id, { query: "?format=manifest" });
    expect(manifest).toBe(`${sha256("one")}  data/a.txt\n${sha256("two")}  data/a (1).txt\n`);
    const folder = temporaryFolder("manifest");
    try {
      const zip = await world.call(`GET /user/orders/${id}/download`);
      for (const [name, content] of Object.entries(readZip(new Uint8Array(await zip.arrayBuffer())))) {
        await Bun.write(join(folder.path, "data", name), content);
      }
      await Bun.write(join(folder.path, "manifest-sha256.txt"), manifest);
      const check = Bun.spawn(["sha256sum", "--strict", "-c", "manifest-sha256.txt"], {
        cwd: folder.path,
        stdout: "pipe",
      });
      expect([await check.exited, await new Response(check.stdout).text()]).toEqual([
        0,
        "data/a.txt: OK\ndata/a (1).txt: OK\n",
      ]);
    } finally {
      folder.remove();
    }
  });

  test("aria2: what is there, each with its name and hash; a name begins no line of its own", async () => {
    const { id } = await world.order([{ name: "x\n  dir=/etc", content: "content" }, { name: "late.txt" }]);
    const [url = "", ...options] = (await document(id, { query: "?format=aria2" })).split("\n");
    expect(options).toEqual(["  out=etc", `  checksum=sha-256=${sha256("content")}`, ""]);
    expect(await (await follow(url)).text()).toBe("content");
  });
});

describe("O13 public metalink", () => {
  async function orderToken(id: number): Promise<string> {
    const [url = ""] = urls(await document(id));
    return new URL(url).searchParams.get("orderToken") ?? "";
  }
  const ask = (query: string) => world.call(`GET /user/orders/metalink/download?${query}`, { as: null });

  test("testPublicDownloadMetalinkFile, P31: a token of a link gives the document, and its links work", async () => {
    const { id } = await world.order([{ name: "a", content: "content" }]);
    const response = await ask(`orderToken=${await orderToken(id)}&scope=default`);
    expect(response.status).toBe(200);
    const [url = ""] = urls(await response.text());
    expect(await (await follow(url)).text()).toBe("content");
  });

  test("401 without a token, with a broken one, without a scope", async () => {
    const { id } = await world.order([{ name: "a", content: "a" }]);
    const token = await orderToken(id);
    expect((await ask("scope=default")).status).toBe(401);
    expect((await ask(`orderToken=${token.slice(0, -6)}AAAAAA&scope=default`)).status).toBe(401);
    expect((await ask(`orderToken=${await world.token(ADA)}&scope=default`)).status).toBe(401);
    expect((await ask(`orderToken=${token}`)).status).toBe(401);
  });

  test("401 once the order's time is over, 404 once it is deleted", async () => {
    const { id } = await world.order([{ name: "a", content: "a" }]);
    await world.db`UPDATE orders SET expiration_time = ${new Date(world.clock.now.getTime() + 60_000)} WHERE id = ${id}`;
    const query = `orderToken=${await orderToken(id)}&scope=default`;
    expect((await ask(query)).status).toBe(200);
    const before = world.clock.now;
    world.clock.now = new Date(before.getTime() + 61_000);
    expect((await ask(query)).status).toBe(401);
    world.clock.now = before;
    await world.setStatus(id, "DELETED");
    expect((await ask(query)).status).toBe(404);
  });
});
