/** A real mail server for tests, and its mails taken apart. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testCertificates } from "./certificates.ts";

const PROCESS = join(import.meta.dir, "smtp-server-process.ts");

export type TakenMail = {
  readonly from: string;
  readonly to: readonly string[];
  readonly secure: boolean;
  readonly user?: string;
  /** By lower-case name, unfolded and decoded. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  readonly html: string;
};

export type TestSmtp = Awaited<ReturnType<typeof smtpServer>>;

/** With `tls` it has STARTTLS and wants the login that `url` has; `ca` is the file to trust. */
export async function smtpServer(o: { readonly tls?: boolean; readonly port?: number } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "smtp-"));
  const ca = join(folder, "ca.pem");
  if (o.tls) {
    const certificates = await testCertificates();
    writeFileSync(join(folder, "key.pem"), certificates.server.key);
    writeFileSync(join(folder, "cert.pem"), certificates.server.cert);
    writeFileSync(ca, certificates.ca);
  }
  const child = Bun.spawn([process.execPath, PROCESS, ...(o.tls ? [folder] : [])], {
    env: { ...process.env, SMTP_PORT: `${o.port ?? 0}` },
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const mails: TakenMail[] = [];
  const listening = Promise.withResolvers<number>();
  const reading = readLines(child.stdout, (line) => {
    const port = /^listening (\d+)$/.exec(line)?.[1];
    if (port) listening.resolve(Number(port));
    else mails.push(takeApart(JSON.parse(line) as Taken));
  });
  const port = await listening.promise;
  return {
    port,
    ca,
    url: o.tls ? `smtp://orders:p%40ss%20word@127.0.0.1:${port}` : `smtp://127.0.0.1:${port}`,
    mails,
    /** Takes the mails that it holds. */
    answer(): void {
      child.stdin.write("\n");
      void child.stdin.flush();
    },
    async stop(): Promise<void> {
      child.kill("SIGKILL");
      await Promise.all([child.exited, reading]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function readLines(stream: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
  }
}

type Taken = { from: string; to: string[]; raw: string; secure: boolean; user?: string };

function takeApart({ raw, ...envelope }: Taken): TakenMail {
  const { headers, body } = headed(raw);
  const boundary = /boundary="?([^";]+)"?/.exec(headers["content-type"] ?? "")?.[1] ?? "";
  const parts = body
    .split(`--${boundary}`)
    .slice(1, -1)
    .map((part) => headed(part.replace(/^\r\n/, "")));
  const part = (type: string) => {
    const found = parts.find((one) => one.headers["content-type"]?.startsWith(type));
    return found ? decoded(found.body, found.headers["content-transfer-encoding"] ?? "7bit") : "";
  };
  return { ...envelope, headers, text: part("text/plain"), html: part("text/html") };
}

function headed(raw: string): { headers: Record<string, string>; body: string } {
  const end = raw.indexOf("\r\n\r\n");
  const lines = raw
    .slice(0, end)
    .replaceAll(/\r\n[ \t]+/g, " ")
    .split("\r\n");
  const headers = lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), words(line.slice(colon + 1).trim())] as const;
  });
  return { headers: Object.fromEntries(headers), body: raw.slice(end + 4) };
}

/** Encoded words of RFC 2047. */
function words(text: string): string {
  return text
    .replaceAll(/\?=\s+=\?/g, "?==?")
    .replaceAll(/=\?utf-8\?([qb])\?([^?]*)\?=/gi, (_all, how: string, word: string) =>
      how.toLowerCase() === "b" ? Buffer.from(word, "base64").toString() : quotedPrintable(word.replaceAll("_", " ")),
    );
}

function decoded(body: string, encoding: string): string {
  if (encoding === "base64") return Buffer.from(body, "base64").toString();
  const text = encoding === "quoted-printable" ? quotedPrintable(body) : body;
  return text.replaceAll("\r\n", "\n");
}

function quotedPrintable(text: string): string {
  const bytes = text
    .replaceAll(/=\r?\n/g, "")
    .replaceAll(/=([0-9A-F]{2})/gi, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, "latin1").toString("utf8");
}
