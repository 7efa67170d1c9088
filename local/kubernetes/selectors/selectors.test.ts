import { describe, expect, test } from "bun:test";
import { PODS } from "../resources/pod-kind.ts";
import { matchesFields, parseFieldSelector, selectedName } from "./field-selector.ts";
import { matchesLabels, parseLabelSelector } from "./label-selector.ts";

describe("parseLabelSelector()", () => {
  const labels = { app: "web", tier: "front", rank: "5" };
  const cases: Record<string, boolean> = {
    "": true,
    "app=web": true,
    "app==web": true,
    "app!=web": false,
    "other!=web": true,
    "app in (web, api)": true,
    "app in (api)": false,
    "app notin (api)": true,
    "other notin (api)": true,
    app: true,
    "!app": false,
    "!other": true,
    "app=web,tier in (front,back),!other": true,
    "app=web,tier=back": false,
    "rank>4": true,
    "rank<5": false,
    "a.b/c-d!=x": true,
  };
  for (const [text, want] of Object.entries(cases)) {
    test(`parseLabelSelector() reads '${text}'`, () =>
      expect(matchesLabels(parseLabelSelector(text), labels)).toBe(want));
  }
  for (const text of ["app in", "app in (", "=x", "app=a b", ",app"]) {
    test(`parseLabelSelector() refuses '${text}'`, () =>
      expect(() => parseLabelSelector(text)).toThrow("unable to parse"));
  }
});

describe("parseFieldSelector()", () => {
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "n" },
    spec: { nodeName: "here" },
    status: { phase: "Running" },
  };
  const cases: Record<string, boolean> = {
    "metadata.name=p": true,
    "metadata.name==p,metadata.namespace=n": true,
    "metadata.name!=p": false,
    "status.phase=Running,spec.nodeName=here": true,
    "status.phase!=Running": false,
  };
  for (const [text, want] of Object.entries(cases)) {
    test(`parseFieldSelector() reads '${text}'`, () =>
      expect(matchesFields(parseFieldSelector(text, PODS), pod)).toBe(want));
  }
  test("parseFieldSelector() refuses a field that the kind does not offer", () => {
    expect(() => parseFieldSelector("spec.secret=x", PODS)).toThrow("field label not supported: spec.secret");
  });
  test("selectedName() finds the one name that can match", () => {
    expect(selectedName(parseFieldSelector("status.phase=Running,metadata.name=p", PODS))).toBe("p");
    expect(selectedName(parseFieldSelector("metadata.name!=p", PODS))).toBeUndefined();
  });
});
