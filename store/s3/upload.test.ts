/** Uploads in parts on a real S3 server: whole, broken off and gone on with, repeated after the end, and beside what else lies there. */
import { afterAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { S3Client } from "bun";
import { type TestS3, testS3 } from "#test/support/s3.ts";
import { type Bucket, openBucket } from "./bucket.ts";
import { signedHeaders } from "./signature.ts";
import { uploadOnce } from "./upload.ts";

const PART = 5 * 1024 * 1024;
const s3 = (await testS3()) as TestS3;
const never = new AbortController().signal;

test("signedHeaders() names what it signs: host, time, and that the body is not", () => {
  const url = new URL("https://examplebucket.s3.amazonaws.com/?lifecycle");
  const { authorization } = signedHeaders(
    { method: "GET", url },
    {
      accessKeyId: "AKIAIOSFODNN7EXAMPLE",
      secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
      region: "us-east-1",
      now: new Date("2013-05-24T00:00:00Z"),
    },
  );
  expect(authorization).toStartWith(
    "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=",
  );
});

describe.skipIf(!s3)("uploadOnce()", () => {
  afterAll(() => s3.stop());

  const open = () => openBucket({ ...s3, region: "us-east-1", now: () => new Date(), retry: { tries: 2 } });
  const content = (size: number, seed = 1) => Buffer.alloc(size, Buffer.from(`${seed} some bytes that are no zeros `));
  const md5 = (bytes: Uint8Array) => createHash("md5").update(bytes).digest("hex");
  const stored = async (key: string) =>
    Buffer.from(await new S3Client({ ...s3, region: "us-east-1" }).file(key).bytes());

  /** The stream in chunks that fit no part. */
  async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += 777_777) yield bytes.subarray(at, at + 777_777);
  }

  /** The bucket, with the numbers of the parts that were sent; breaks off after so many. */
  function watched(breakAfter = Number.POSITIVE_INFINITY): { bucket: Bucket; sent: number[]; signal: AbortSignal } {
    const stop = new AbortController();
    const sent: number[] = [];
    const bucket = open();
    const putPart: Bucket["putPart"] = async (key, part, signal) => {
      if (sent.length >= breakAfter) stop.abort(new Error("broken off"));
      const tag = await bucket.putPart(key, part, signal);
      sent.push(part.number);
      return tag;
    };
    return { bucket: { ...bucket, putPart }, sent, signal: stop.signal };
  }

  const upload = (key: string, bytes: Buffer, o: { bucket: Bucket; signal?: AbortSignal }) =>
    uploadOnce(o.bucket, {
      key,
      bytes: () => chunks(bytes),
      size: bytes.length,
      signal: o.signal ?? never,
      partBytes: PART,
    });

  const sizes = { "less than a part": 1000, "two whole parts": 2 * PART, "parts and a rest": 3 * PART + 12_345 };
  for (const [name, size] of Object.entries(sizes)) {
    test(`stores ${name}, and tells its hashes`, async () => {
      const bytes = content(size);
      const uploaded = await upload(`whole/${size} ü.zip`, bytes, watched());
      expect(uploaded).toEqual({ size, md5: md5(bytes), sha256: createHash("sha256").update(bytes).digest("hex") });
      expect(md5(await stored(`whole/${size} ü.zip`))).toBe(md5(bytes));
    });
  }

  test("goes on where an earlier try was broken off, and leaves no upload behind", async () => {
    const bytes = content(5 * PART + 1);
    const first = watched(2);
    await expect(upload("broken.zip", bytes, first)).rejects.toThrow();
    expect(await open().head("broken.zip", never)).toBeUndefined();
    expect(await open().uploads("broken.zip", never)).toHaveLength(1);
    const second = watched();
    const uploaded = await upload("broken.zip", bytes, second);
    expect(uploaded.md5).toBe(md5(bytes));
    expect([...first.sent, ...second.sent].sort()).toEqual([1, 2, 3, 4, 5, 6]);
    expect(md5(await stored("broken.zip"))).toBe(md5(bytes));
    expect(await open().uploads("broken.zip", never)).toEqual([]);
  });

  test("sends parts again that are of other content", async () => {
    const key = "other.zip";
    await expect(upload(key, content(3 * PART, 1), watched(2))).rejects.toThrow();
    const bytes = content(3 * PART, 2);
    const second = watched();
    await upload(key, bytes, second);
    expect(second.sent).toEqual([1, 2, 3]);
    expect(md5(await stored(key))).toBe(md5(bytes));
  });

  test("sends nothing when the object is there already, and replaces one of the same size that is another", async () => {
    const bytes = content(2 * PART + 5);
    await upload("again.zip", bytes, watched());
    const again = watched();
    expect((await upload("again.zip", bytes, again)).md5).toBe(md5(bytes));
    expect(again.sent).toEqual([]);
    const changed = content(2 * PART + 5, 2);
    const third = watched();
    await upload("again.zip", changed, third);
    expect(third.sent).toEqual([1, 2, 3]);
    expect(md5(await stored("again.zip"))).toBe(md5(changed));
  });

  test("fails when the stream has another length than told", async () => {
    const bytes = content(100);
    const lying = { key: "lie.zip", bytes: () => chunks(bytes), size: 99, signal: never, partBytes: PART };
    await expect(uploadOnce(open(), lying)).rejects.toThrow("expected 99 bytes, got 100");
  });

  test("tells what a store refuses", async () => {
    const refused = openBucket({ ...s3, secretAccessKey: "wrong", region: "us-east-1", now: () => new Date() });
    await expect(refused.beginUpload("x.zip", never)).rejects.toThrow("status 403 SignatureDoesNotMatch");
  });
});
