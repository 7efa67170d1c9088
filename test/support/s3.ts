/**
 * A real S3 server for tests: versitygw over a temporary folder, in the version that versitygw/go.mod names. Without Go there is none,
 * and the tests that need it are skipped, unless TEST_REQUIRE_ALL=1.
 */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { goProgram } from "./go-program.ts";

export type TestS3 = {
  readonly endpoint: string;
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  stop(): Promise<void>;
};

const MODULE = join(import.meta.dir, "versitygw");
const COMMAND = "github.com/versity/versitygw/cmd/versitygw";
const READY_WITHIN_MS = 15_000;

/** Starts a server with one empty bucket; undefined, with a word on why, where it cannot be built. */
export async function testS3(): Promise<TestS3 | undefined> {
  const program = await goProgram({ module: MODULE, command: COMMAND });
  if (!program) {
    if (process.env["TEST_REQUIRE_ALL"] === "1") throw new Error("Cannot test S3: go is not installed");
    console.warn("S3 tests are skipped: go is not installed");
    return undefined;
  }
  const folder = await mkdtemp(join(tmpdir(), "test-s3-"));
  await mkdir(join(folder, "test-bucket"));
  const access = { bucket: "test-bucket", accessKeyId: "test", secretAccessKey: "only-for-tests" };
  const port = freePort();
  const server = Bun.spawn([program, "--port", `127.0.0.1:${port}`, "--quiet", "posix", folder], {
    env: { ...process.env, ROOT_ACCESS_KEY: access.accessKeyId, ROOT_SECRET_KEY: access.secretAccessKey },
    stdout: "ignore",
    stderr: "ignore",
  });
  const stop = async () => {
    server.kill();
    await server.exited;
    await rm(folder, { recursive: true, force: true });
  };
  const endpoint = `http://127.0.0.1:${port}`;
  try {
    await answers(endpoint, server);
  } catch (error) {
    await stop();
    throw error;
  }
  return { endpoint, ...access, stop };
}

function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

async function answers(endpoint: string, server: Bun.Subprocess): Promise<void> {
  const deadline = Date.now() + READY_WITHIN_MS;
  for (;;) {
    const response = await fetch(endpoint).catch(() => undefined);
    if (response) return;
    if (server.exitCode !== null) throw new Error(`Cannot start versitygw: it ended with ${server.exitCode}`);
    if (Date.now() > deadline) throw new Error(`Cannot start versitygw: no answer within ${READY_WITHIN_MS} ms`);
    await Bun.sleep(20);
  }
}
