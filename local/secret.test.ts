import { afterAll, describe, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "#test/support/folder.ts";
import { keptSecret } from "./secret.ts";

const folder = temporaryFolder("secret");
afterAll(() => folder.remove());

describe("keptSecret()", () => {
  test("gives the same secret each time, another for another name, and hides the file", () => {
    const first = keptSecret(folder.path, "jwt-secret");
    expect(first.length).toBeGreaterThan(80);
    expect(keptSecret(folder.path, "jwt-secret")).toBe(first);
    expect(keptSecret(folder.path, "other")).not.toBe(first);
    expect(statSync(join(folder.path, "jwt-secret")).mode & 0o777).toBe(0o600);
  });
});
