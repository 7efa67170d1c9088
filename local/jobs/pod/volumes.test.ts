import { expect, test } from "bun:test";
import type { Container, Pod } from "#kube/kinds.ts";
import { mountsOf, placed } from "./volumes.ts";

const CONTAINER: Container = {
  name: "c",
  image: "i",
  volumeMounts: [
    { name: "work", mountPath: "/work", readOnly: true },
    { name: "work", mountPath: "/work/output", subPath: "output" },
    { name: "tmp", mountPath: "/tmp" },
    { name: "blobs", mountPath: "/blobs" },
    { name: "evil", mountPath: "/evil", subPath: "../../../etc" },
  ],
};
const POD: Pod = {
  metadata: { name: "p" },
  spec: {
    containers: [CONTAINER],
    volumes: [
      { name: "work", emptyDir: {} },
      { name: "tmp", emptyDir: {} },
      { name: "evil", emptyDir: {} },
      { name: "blobs", persistentVolumeClaim: { claimName: "blobs" } },
    ],
  },
};
const mounts = mountsOf(POD, CONTAINER, "/home/pods/uid");

const CASES: Record<string, readonly [text: string, want: string]> = {
  "leads a mount to its folder": ["/work", "/home/pods/uid/volumes/work"],
  "leads what lies below a mount": ["/work/input/a.tif", "/home/pods/uid/volumes/work/input/a.tif"],
  "takes the innermost mount": ["/work/output/b", "/home/pods/uid/volumes/work/output/b"],
  "leaves what begins alike": ["/workshop/a", "/workshop/a"],
  "leaves what only mentions a mount": ["--out=/work/output", "--out=/work/output"],
  "leaves the machine's /tmp": ["/tmp/x", "/tmp/x"],
  "leaves what is no emptyDir": ["/blobs/x", "/blobs/x"],
  "keeps a subPath in its volume": ["/evil/passwd", "/home/pods/uid/volumes/evil/etc/passwd"],
};
for (const [name, [text, want]] of Object.entries(CASES)) {
  test(`placed() ${name}`, () => expect(placed(text, mounts)).toBe(want));
}
