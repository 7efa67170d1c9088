import { describe, expect, test } from "bun:test";
import { pino } from "pino";
import { type LocalKubernetes, localKubernetes } from "../server.ts";
import { memoryJournal } from "../storage/journal.ts";

const MAPS = "/api/v1/namespaces/default/configmaps";

function start(logCapacity: number): Promise<LocalKubernetes> {
  return localKubernetes({
    journal: memoryJournal(),
    definitions: [],
    logCapacity,
    now: () => new Date(),
    logger: pino({ level: "silent" }),
  });
}

async function make(kube: LocalKubernetes, name: string): Promise<string> {
  const body = JSON.stringify({ metadata: { name } });
  const response = await kube.handle(new Request(`http://localhost${MAPS}`, { method: "POST", body }));
  const made: { metadata: { resourceVersion: string } } = JSON.parse(await response.text());
  return made.metadata.resourceVersion;
}

async function watch(kube: LocalKubernetes, version: string) {
  const response = await kube.handle(new Request(`http://localhost${MAPS}?watch=true&resourceVersion=${version}`));
  if (!response.body) throw new Error("Cannot watch: the answer has no body");
  return response.body.getReader();
}

describe("watch", () => {
  test("watch from a version that is forgotten tells 410 and ends", async () => {
    const kube = await start(10);
    const first = await make(kube, "first");
    for (let i = 0; i < 40; i++) await make(kube, `m${i}`);
    const reader = await watch(kube, first);
    const line = JSON.parse(new TextDecoder().decode((await reader.read()).value));
    expect(line).toMatchObject({ type: "ERROR", object: { kind: "Status", code: 410, reason: "Expired" } });
    expect((await reader.read()).done).toBe(true);
    await kube.stop();
  });

  test("watch whose reader falls behind the log is told 410, and costs no more memory until then", async () => {
    const kube = await start(10);
    const version = await make(kube, "first");
    const reader = await watch(kube, version);
    for (let i = 0; i < 60; i++) await make(kube, `m${i}`);
    let text = "";
    for (let read = await reader.read(); !read.done; read = await reader.read())
      text += new TextDecoder().decode(read.value);
    const lines = text.trim().split("\n");
    expect(lines.length).toBeLessThan(60);
    expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ type: "ERROR", object: { code: 410 } });
    await kube.stop();
  });

  test("watch ends when the server stops", async () => {
    const kube = await start(10);
    const reader = await watch(kube, await make(kube, "first"));
    const end = reader.read();
    await kube.stop();
    expect((await end).done).toBe(true);
  });

  test("watch from a version that is not yet there tells so", async () => {
    const kube = await start(10);
    const reader = await watch(kube, "99999");
    const line = JSON.parse(new TextDecoder().decode((await reader.read()).value));
    expect(line.object).toMatchObject({ code: 504, details: { causes: [{ reason: "ResourceVersionTooLarge" }] } });
    await kube.stop();
  });
});
