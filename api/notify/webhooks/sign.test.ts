import { describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { messageId, messageNumber } from "./message.ts";
import { newSecret, signedHeaders } from "./sign.ts";
import { judge } from "./verdict.ts";

test("signedHeaders() signs as Standard Webhooks does (the vector of its reference libraries)", () => {
  const signed = { id: "msg_p5jXN8AQM9LWM0D4loKWxJek", at: new Date(1_614_265_330_000), body: '{"test": 2432232314}' };
  expect(signedHeaders(signed, ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])).toEqual({
    "webhook-id": signed.id,
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  });
});

test("signedHeaders() signs with each secret", () => {
  const secrets = [newSecret((n) => new Uint8Array(n).fill(1)), newSecret((n) => new Uint8Array(n).fill(2))];
  const { "webhook-signature": both = "" } = signedHeaders({ id: "m", at: new Date(5_900), body: "{}" }, secrets);
  const want = [1, 2].map((byte) => {
    const hmac = createHmac("sha256", Buffer.alloc(32, byte)).update("m.5.{}").digest("base64");
    return `v1,${hmac}`;
  });
  expect(both.split(" ")).toEqual(want);
});

test("messageNumber() reads what messageId() writes", () => {
  const id = messageId({ messageId: 123, toldAt: new Date("2026-11-20T10:20:30Z") });
  expect(messageNumber(id)).toBe(123);
  expect(messageNumber("77")).toBe(77);
  expect(messageNumber("msg_x")).toBeUndefined();
});

describe("judge()", () => {
  const tries = { attempts: 3, failures: 2, random: () => 1 };
  const answered = (status: number, retryAfterMs?: number) =>
    judge({ kind: "answered", status, ...(retryAfterMs !== undefined && { retryAfterMs }) }, tries);
  const cases: Record<string, { verdict: ReturnType<typeof judge>; want: object }> = {
    "a 204 is delivered": { verdict: answered(204), want: { kind: "delivered", status: 204 } },
    "410 is for ever": { verdict: answered(410), want: { kind: "gone" } },
    "400 puts off the message alone": { verdict: answered(400), want: { kind: "failed", seconds: 20, status: 400 } },
    "a redirect is a refusal": {
      verdict: answered(302),
      want: { kind: "failed", error: "The receiver answered 302: redirects are not followed" },
    },
    "503 puts off the webhook": { verdict: answered(503), want: { kind: "failed", seconds: 4, restSeconds: 4 } },
    "429 keeps to Retry-After": { verdict: answered(429, 90_000), want: { restSeconds: 90, seconds: 90 } },
    "500 keeps to Retry-After": { verdict: answered(500, 90_000), want: { seconds: 90 } },
    "no connection puts off the webhook": {
      verdict: judge({ kind: "unreachable", reason: "no" }, tries),
      want: { kind: "failed", restSeconds: 4, error: "no" },
    },
  };
  for (const [name, { verdict, want }] of Object.entries(cases)) {
    test(`judge(): ${name}`, () => expect(verdict).toMatchObject(want));
  }
  test("judge() waits longer each time, up to an hour for a message and ten minutes for a webhook", () => {
    const often = { attempts: 40, failures: 40, random: () => 1 };
    expect(judge({ kind: "answered", status: 500 }, often)).toMatchObject({ seconds: 3600 });
    expect(judge({ kind: "unreachable", reason: "no" }, often)).toMatchObject({ restSeconds: 600 });
  });
});
