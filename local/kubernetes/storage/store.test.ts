import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type TestDatabase, testDatabase } from "#test/support/database.ts";
import type { KubeObject } from "../object.ts";
import type { Journal } from "./journal.ts";
import { memoryJournal } from "./journal.ts";
import { postgresJournal } from "./postgres-journal.ts";
import { ObjectStore } from "./store.ts";

function thing(name: string, value: unknown): KubeObject {
  return { apiVersion: "v1", kind: "Thing", metadata: { name, namespace: "n" }, value };
}

function key(name: string) {
  return { resource: "things", namespace: "n", name };
}

function put(store: ObjectStore, name: string, value: unknown) {
  return store.exclusive(key(name), () => store.commit(key(name), thing(name, value)));
}

describe("ObjectStore over PostgreSQL", () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await testDatabase("kube_store");
  });
  afterAll(() => database.drop());

  test("ObjectStore keeps objects, removals and the version over a restart", async () => {
    const schema = "kube_restart";
    const first = await ObjectStore.open(postgresJournal(database.url, { schema }));
    await Promise.all([
      put(first, "a", 1),
      put(first, "b", "grün\u0000€".replace("\u0000", " ")),
      put(first, "c", null),
    ]);
    await first.exclusive(key("a"), () => first.commit(key("a"), undefined));
    const version = first.version;
    await first.close();
    const second = await ObjectStore.open(postgresJournal(database.url, { schema }));
    expect(second.version).toBe(version);
    expect(
      second
        .collection("things")
        .list("")
        .map((object) => object["value"]),
    ).toEqual(["grün €", null]);
    await put(second, "d", 4);
    expect(second.version).toBeGreaterThan(version);
    await second.close();
  });

  test("ObjectStore refuses a second process on the same schema, and lets it in once the first has stopped", async () => {
    const schema = "kube_rival";
    const first = await ObjectStore.open(postgresJournal(database.url, { schema }));
    await expect(ObjectStore.open(postgresJournal(database.url, { schema }))).rejects.toThrow(
      "Cannot start the local Kubernetes: another process holds schema 'kube_rival'",
    );
    await first.close();
    const second = await ObjectStore.open(postgresJournal(database.url, { schema }));
    await second.close();
  });

  test("ObjectStore keeps all that was acknowledged when its process is killed", async () => {
    const program = `
      import { ObjectStore } from ${JSON.stringify(new URL("./store.ts", import.meta.url).pathname)};
      import { postgresJournal } from ${JSON.stringify(new URL("./postgres-journal.ts", import.meta.url).pathname)};
      const store = await ObjectStore.open(postgresJournal(${JSON.stringify(database.url)}, { schema: "kube_killed" }));
      for (let i = 0; ; i++) {
        const keys = Array.from({ length: 20 }, (_, n) => ({ resource: "things", namespace: "n", name: "x" + (i * 20 + n) }));
        await Promise.all(keys.map((key) => store.exclusive(key, () => store.commit(key, { apiVersion: "v1", kind: "Thing", metadata: { name: key.name, namespace: "n" } }))));
        console.log(i * 20 + 20);
      }`;
    const child = Bun.spawn([process.execPath, "-e", program], { stdout: "pipe", stderr: "inherit" });
    let acknowledged = 0;
    for await (const chunk of child.stdout) {
      acknowledged = Number(new TextDecoder().decode(chunk).trim().split("\n").at(-1));
      if (acknowledged >= 2000) break;
    }
    child.kill(9);
    await child.exited;
    const deadline = performance.now() + 5000;
    let store: ObjectStore | undefined;
    // The server notices a moment later that the dead process's connection, and with it the lock, is gone.
    while (!store && performance.now() < deadline) {
      store = await ObjectStore.open(postgresJournal(database.url, { schema: "kube_killed" })).catch(() => undefined);
    }
    const objects = store?.collection("things").list("") ?? [];
    const names = new Set(objects.map((object) => object.metadata.name));
    const lost = Array.from({ length: acknowledged }, (_, i) => `x${i}`).filter((name) => !names.has(name));
    expect(acknowledged).toBeGreaterThanOrEqual(2000);
    expect(lost).toEqual([]);
    const versions = objects.map((object) => Number(object.metadata.resourceVersion));
    expect(store?.version).toBeGreaterThanOrEqual(Math.max(...versions));
    await store?.close();
  });
});

describe("ObjectStore", () => {
  test("commit() shows nothing that the journal refused, and goes on with the next write", async () => {
    let broken = true;
    const journal: Journal = {
      ...memoryJournal(),
      append: async () => {
        if (broken) throw new Error("disk full");
      },
    };
    const store = await ObjectStore.open(journal);
    await expect(put(store, "a", 1)).rejects.toThrow("Cannot write to the database");
    expect(store.collection("things").get("n", "a")).toBeUndefined();
    broken = false;
    await put(store, "a", 2);
    expect(store.collection("things").get("n", "a")?.["value"]).toBe(2);
  });

  test("commit() gives events in the order of versions, though writers run at the same time", async () => {
    const store = await ObjectStore.open(memoryJournal());
    const { log } = store.collection("things");
    await Promise.all(Array.from({ length: 300 }, (_, i) => put(store, `n${i % 7}`, i)));
    const versions = (log.read(0, 1000) ?? []).map((event) => event.version);
    expect(versions).toHaveLength(300);
    expect(versions).toEqual(versions.toSorted((a, b) => a - b));
  });

  test("EventLog forgets its oldest events and says so", async () => {
    const store = await ObjectStore.open(memoryJournal(), { logCapacity: 10 });
    for (let i = 0; i < 40; i++) await put(store, "a", i);
    const { log } = store.collection("things");
    expect(log.positionAfter(1)).toBeUndefined();
    expect(log.read(0, 1)).toBeUndefined();
    const position = log.positionAfter(38) ?? -1;
    expect((log.read(position, 10) ?? []).map((event) => event.object["value"])).toEqual([38, 39]);
  });
});
