/**
 * Receives webhooks of the order service: checks the signature, drops repeats, prints one line of JSON for each message.
 *
 *     ORDER_WEBHOOK_SECRET=whsec_... bun receiver.ts [PORT]
 *
 * Bun, or Node 22.18 or newer; nothing to install. The signature is that of Standard Webhooks, for which there are libraries too.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

const KEY = Buffer.from((process.env["ORDER_WEBHOOK_SECRET"] ?? "").replace(/^whsec_/, ""), "base64");
/** How old a message may be: an older one may be somebody's recording. */
const MOST_SECONDS = 300;
const MOST_BYTES = 1_000_000;
/** Ids of messages that came; a real receiver keeps them where they outlive it. */
const seen = new Set<string>();

/** Whether the message was signed with our key, and just now. */
function isGenuine(header: (name: string) => string, body: Buffer): boolean {
  const timestamp = header("webhook-timestamp");
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) <= MOST_SECONDS)) return false;
  const signed = Buffer.concat([Buffer.from(`${header("webhook-id")}.${timestamp}.`), body]);
  const want = Buffer.from(`v1,${createHmac("sha256", KEY).update(signed).digest("base64")}`);
  // While a secret is changed there are two signatures.
  const given = header("webhook-signature").split(" ");
  return given.some((one) => one.length === want.length && timingSafeEqual(want, Buffer.from(one)));
}

async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > MOST_BYTES) return undefined;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

async function receive(request: IncomingMessage): Promise<number> {
  const body = await readBody(request);
  if (body === undefined) return 413;
  const header = (name: string) => String(request.headers[name] ?? "");
  if (request.method !== "POST" || !isGenuine(header, body)) return 401;
  const id = header("webhook-id");
  if (seen.has(id)) return 204;
  // First do what is to be done, then answer: without a 2xx the message comes again.
  process.stdout.write(`${JSON.stringify(JSON.parse(body.toString()))}\n`);
  seen.add(id);
  return 204;
}

const server = createServer((request, response) => {
  void receive(request)
    .catch(() => 500)
    .then((status) => response.writeHead(status, { "content-length": "0" }).end());
});
server.listen(Number(process.argv[2] ?? 0), "127.0.0.1", () => {
  process.stderr.write(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
