import { describe, expect, test } from "bun:test";
import { parseJobConfig } from "./job-config.ts";

describe("parseJobConfig()", () => {
  test("takes the smallest file there is, with the defaults", () => {
    expect(parseJobConfig("image: registry.example.org/regards-order:1.0.0\n", "jobs.yaml")).toEqual({
      image: "registry.example.org/regards-order:1.0.0",
      args: ["worker"],
      deadlineSeconds: 86_400,
      backoffLimit: 6,
      ttlSeconds: 600,
    });
  });

  test("takes JSON too, and leaves what Kubernetes defines to Kubernetes", () => {
    const volumes = [{ name: "blobs", persistentVolumeClaim: { claimName: "blobs" } }];
    const text = JSON.stringify({ image: "x", volumes, resources: { limits: { memory: "1.5Gi", cpu: "500m" } } });
    expect(parseJobConfig(text, "jobs.json")).toMatchObject({ volumes, resources: { limits: { memory: "1.5Gi" } } });
  });

  const refused: Record<string, { text: string; want: string }> = {
    "no image": { text: "args: [worker]", want: "Cannot use 'jobs.yaml': image: expected required property" },
    "a misspelt word": { text: "image: x\nressources: {}", want: "ressources: unexpected property" },
    "a misspelt word within": {
      text: "image: x\nresources: { limit: {} }",
      want: "resources.limit: unexpected property",
    },
    "a quantity that is none": {
      text: "image: x\nresources: { limits: { memory: 1GB } }",
      want: "resources.limits.memory: expected string to match",
    },
    "root as the user": { text: "image: x\nrunAs: { user: 0 }", want: "runAs.user: expected integer to be greater" },
    "a deadline of no time": { text: "image: x\ndeadlineSeconds: 1", want: "deadlineSeconds: expected integer" },
    "a list": { text: "- image: x", want: "the file: expected object" },
    "what is no YAML": { text: "image: [", want: "Cannot read 'jobs.yaml' as YAML" },
  };
  for (const [name, { text, want }] of Object.entries(refused)) {
    test(`refuses ${name} and names the field`, () => {
      expect(() => parseJobConfig(text, "jobs.yaml")).toThrow(want);
    });
  }
});
