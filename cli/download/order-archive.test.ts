/** Whole orders fetched from the served API: layouts, parts, references, interrupted and gone on with. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Served, serveApi } from "#api/http/serve.ts";
import { writeSetting } from "#store/settings.ts";
import { ADA, type ApiWorld, apiWorld, type TestFile } from "#test/support/api-world.ts";
import { eventually } from "#test/support/eventually.ts";
import { temporaryFolder } from "#test/support/folder.ts";
import { runProgram } from "#test/support/program.ts";
import { readZip } from "#test/support/read-zip.ts";
import { sourceServer } from "#test/support/source-server.ts";
import { type RestClient, restClient } from "../client/rest.ts";
import { type Downloaded, downloadOrder, downloadParts } from "./order-archive.ts";

const folder = temporaryFolder("order-archive");
let world: ApiWorld;
let served: Served;
let client: RestClient;
beforeAll(async () => {
  world = await apiWorld("cli_archive");
  served = await serveApi(world.app, { host: "127.0.0.1", port: 0 });
  const session = { url: served.url, tenant: "default", user: ADA, token: await world.token(ADA) };
  const kept = { ...session, expires: new Date(Date.now() + 3_600_000).toISOString() };
  client = restClient(kept);
  mkdirSync(join(folder.path, "regards-order"));
  writeFileSync(join(folder.path, "regards-order/session.json"), JSON.stringify(kept));
});
afterAll(async () => {
  await served.stop({ withinMs: 500 });
  await world.close();
  folder.remove();
});

const TEN: readonly TestFile[] = Array.from({ length: 10 }, (_, i) => ({
  name: `f${i}.bin`,
  content: `${i}`.repeat(10_000),
  catalogued: { size: 10_000, providerId: `P${i % 2}`, productUrn: `URN:P${i % 2}` },
}));

const entriesOf = (path: string) => Object.keys(readZip(readFileSync(path)));

describe("downloadOrder()", () => {
  test("downloadOrder() verifies an archive with folders", async () => {
    const { id } = await world.order(TEN.slice(0, 2));
    const path = join(folder.path, "product.zip");
    const { verdict } = await downloadOrder(client, id, { path, layout: "product" });
    expect([verdict.entries, verdict.problems]).toEqual([2, []]);
    expect(entriesOf(path)).toEqual(["P0/f0.bin", "P1/f1.bin"]);
  });

  test("downloadOrder() verifies what was streamed through, and tells what could not be had", async () => {
    const source = await sourceServer({ "/far.txt": { bytes: Buffer.from("from afar") } });
    await writeSetting(world.db, "allowed_private_networks", ["127.0.0.0/8"]);
    const far = ["far.txt", "gone.txt"].map((name) => ({ name, reference: `${source.url}/${name}`, subOrder: 2 }));
    const { id } = await world.order([...TEN.slice(0, 1), ...far]);
    const { verdict } = await downloadOrder(client, id, { path: join(folder.path, "far.zip") });
    source.stop();
    expect([verdict.entries, verdict.missing, verdict.problems]).toEqual([4, 1, []]);
    expect(verdict.notice).toBe("Failed to download file (gone.txt): Server returned HTTP error code 404.\n");
  });
});

describe("order download", () => {
  const download = (id: number, ...more: readonly string[]) =>
    runProgram(["order", "download", `${id}`, ...more], { env: { XDG_CONFIG_HOME: folder.path }, cwd: folder.path });

  for (const more of [[], ["--part-size", "15K"]]) {
    test(`ends with 3 and a count where files could not be put in, and keeps what came: ${more.join(" ")}`, async () => {
      const lost = ["lost-1.txt", "lost-2.txt"].map((name) => ({
        name,
        reference: `http://127.0.0.1:1/${name}`,
        subOrder: 2,
      }));
      const { id } = await world.order([...TEN.slice(0, 2), ...lost]);
      const { code, stdout, stderr } = await download(id, ...more);
      expect([code, stderr]).toEqual([
        3,
        expect.stringContaining(
          `regards-order: Order ${id} was not downloaded completely: 2 files could not be put in, see NOTICE.txt`,
        ),
      ]);
      const entries = stdout.match(/\S+\.zip/g)?.flatMap((name) => entriesOf(join(folder.path, name)));
      expect(entries).toEqual(expect.arrayContaining(["f0.bin", "f1.bin", "NOTICE.txt"]));
    });
  }

  test("ends with 0 where the archive holds all, and with 1 where there is none", async () => {
    const { id } = await world.order(TEN.slice(0, 1));
    expect(await download(id, "-o", "all.zip")).toMatchObject({ code: 0, stdout: "archive all.zip\n" });
    expect(await download(999_999)).toMatchObject({ code: 1, stdout: "" });
  });
});

describe("downloadParts()", () => {
  test("downloadParts() fetches all parts, goes on with an interrupted one, and later what has come since", async () => {
    const pending = TEN.map((file, i) => (i < 9 ? file : { name: file.name, catalogued: file.catalogued ?? {} }));
    const { id } = await world.order(pending);
    const path = join(folder.path, "parts.zip");
    const got: Downloaded[] = [];
    const fetchAll = () => downloadParts(client, id, { path, partSize: 35_000, onPart: (part) => got.push(part) });
    const part = await client.archive(id, { part: "1", partSize: "35000" }, { headers: { Range: "bytes=0-9999" } });
    const source = [client.session.url, client.session.tenant, id, "1", "35000"].join(" ");
    const size = Number(part.headers.get("Content-Range")?.split("/")[1]);
    writeFileSync(join(folder.path, "parts.part1.zip.part"), new Uint8Array(await part.arrayBuffer()));
    const mark = { source, etag: part.headers.get("ETag"), size };
    writeFileSync(join(folder.path, "parts.part1.zip.part.json"), JSON.stringify(mark));
    await fetchAll();
    expect(got.map((one) => ({ path: one.path, from: one.resumedFrom }))).toEqual(
      [10_000, 0, 0].map((from, i) => ({ path: join(folder.path, `parts.part${i + 1}.zip`), from })),
    );
    expect(got.flatMap((one) => entriesOf(one.path))).toEqual(TEN.slice(0, 9).map(({ name }) => name));
    await eventually("all that was there is downloaded", async () => {
      const states = await world.states(id);
      return states.filter((state) => state === "DOWNLOADED").length === 9;
    });
    await expect(fetchAll()).rejects.toThrow("no file is ready, or all of them were downloaded already");
    expect(readdirSync(folder.path).filter((name) => name.includes("parts.part"))).toHaveLength(3);
    expect(existsSync(join(folder.path, "parts.part4.zip"))).toBe(false);
  });
});
