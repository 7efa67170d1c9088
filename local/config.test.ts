import { describe, expect, test } from "bun:test";
import { readConfig, workerEnvironment } from "./config.ts";

const OPTIONS = { home: "/data/home", tenant: "meteo", host: "127.0.0.1", port: 9043, kubePort: 0 };

describe("readConfig()", () => {
  test("takes what the environment says, and sensible values where it says nothing", () => {
    const plain = readConfig(OPTIONS, {});
    expect(plain).toMatchObject({
      blobsUrl: "file:///data/home/blobs",
      namespace: "meteo",
      kubeconfig: "/data/home/kubeconfig",
      prefix: "/api/v1/rs-order",
    });
    expect("databaseUrl" in plain || "publicUrl" in plain).toBe(false);
    const told = readConfig(OPTIONS, {
      ORDER_DATABASE_URL: "postgres://db/x",
      ORDER_BLOBS_URL: "s3://bucket/prefix",
      ORDER_PUBLIC_URL: "https://archive.example/",
    });
    expect(told).toMatchObject({
      databaseUrl: "postgres://db/x",
      blobsUrl: "s3://bucket/prefix",
      publicUrl: "https://archive.example",
    });
  });

  test("prefers an option to the environment", () => {
    const config = readConfig(
      { ...OPTIONS, publicUrl: "https://a.example" },
      { ORDER_PUBLIC_URL: "https://b.example" },
    );
    expect(config.publicUrl).toBe("https://a.example");
  });

  test("refuses a public address that is no web address", () => {
    expect(() => readConfig({ ...OPTIONS, publicUrl: "archive.example" }, {})).toThrow("Cannot use 'archive.example'");
  });
});

describe("workerEnvironment()", () => {
  test("hands on what workers need and never the key that signs tokens", () => {
    const env = { ORDER_S3_REGION: "r", ORDER_JWT_SECRET: "key", ORDER_TENANT: "other", PATH: "/bin" };
    expect(workerEnvironment(readConfig(OPTIONS, {}), { databaseUrl: "postgres://db/x", env })).toEqual({
      ORDER_S3_REGION: "r",
      ORDER_HOME: "/data/home",
      ORDER_TENANT: "meteo",
      ORDER_DATABASE_URL: "postgres://db/x",
      ORDER_BLOBS_URL: "file:///data/home/blobs",
      ORDER_PREFIX: "/api/v1/rs-order",
    });
  });
});
