import { describe, expect, test } from "bun:test";
import type { Container, Pod } from "#kube/kinds.ts";
import { commandLine, containerEnv, expand, inherited, type Lookup } from "./environment.ts";

const POD: Pod = {
  metadata: { name: "pod", namespace: "space", uid: "uid", labels: { "a/b": "label" } },
  spec: { containers: [], nodeName: "local" },
};
const lookup: Lookup = async (kind, name) => (name === "there" ? { key: `${kind} value`, other: "x" } : undefined);

function container(rest: Partial<Container>): Container {
  return { name: "main", image: "none", ...rest };
}

describe("containerEnv()", () => {
  const cases: Record<string, { container: Partial<Container>; want?: Record<string, string>; wantError?: string }> = {
    "a literal with a reference to an earlier one": {
      container: {
        env: [
          { name: "A", value: "1" },
          { name: "B", value: "$(A)2" },
        ],
      },
      want: { A: "1", B: "12" },
    },
    "fields of the pod": {
      container: {
        env: [
          { name: "N", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
          { name: "L", valueFrom: { fieldRef: { fieldPath: "metadata.labels['a/b']" } } },
        ],
      },
      want: { N: "pod", L: "label" },
    },
    "a key of a secret": {
      container: { env: [{ name: "S", valueFrom: { secretKeyRef: { name: "there", key: "key" } } }] },
      want: { S: "Secret value" },
    },
    "a whole config map with a prefix": {
      container: { envFrom: [{ prefix: "P_", configMapRef: { name: "there" } }] },
      want: { P_key: "ConfigMap value", P_other: "x" },
    },
    "an optional secret that is missing": {
      container: { env: [{ name: "S", valueFrom: { secretKeyRef: { name: "no", key: "key", optional: true } } }] },
      want: {},
    },
    "a secret that is missing": {
      container: { env: [{ name: "S", valueFrom: { secretKeyRef: { name: "no", key: "key" } } }] },
      wantError: 'secret "no/key" not found',
    },
    "a field that is not served": {
      container: { env: [{ name: "S", valueFrom: { fieldRef: { fieldPath: "status.phase" } } }] },
      wantError: 'fieldPath "status.phase" is not supported',
    },
  };
  for (const [name, { container: rest, want, wantError }] of Object.entries(cases)) {
    test(`containerEnv() ${wantError ? "refuses" : "resolves"} ${name}`, async () => {
      const env = containerEnv(POD, container(rest), { base: { BASE: "yes" }, lookup, mounts: [] });
      if (wantError) expect(env).rejects.toThrow(wantError);
      else expect(await env).toEqual({ BASE: "yes", ...want });
    });
  }
});

describe("expand()", () => {
  test("expand() leaves unknown names, takes $$ for $, and does not expand twice", () => {
    const env = { A: "$(B)", B: "b" };
    expect(expand("$(A) $(C) $$(B) $B", env)).toBe("$(B) $(C) $(B) $B");
  });
});

describe("commandLine()", () => {
  test("commandLine() joins command and arguments", () => {
    expect(commandLine(container({ command: ["run"], args: ["$(X)"] }), { env: { X: "1" }, mounts: [] })).toEqual([
      "run",
      "1",
    ]);
  });
  test("commandLine() leads arguments below a mount to its folder, never the program", () => {
    const mounts = [{ mountPath: "/work", folder: "/home/pod/work" }];
    const worker = container({ command: ["/work/bin/run"], args: ["/work/output", "-x"] });
    expect(commandLine(worker, { env: {}, mounts })).toEqual(["/work/bin/run", "/home/pod/work/output", "-x"]);
  });
  test("commandLine() says that it needs a command", () => {
    expect(() => commandLine(container({}), { env: {}, mounts: [] })).toThrow("no command");
  });
});

describe("inherited()", () => {
  test("inherited() passes no secret of this process on", () => {
    expect(inherited({ PATH: "/bin", ORDER_JWT_SECRET: "s", AWS_SECRET_ACCESS_KEY: "s" })).toEqual({ PATH: "/bin" });
  });
});
