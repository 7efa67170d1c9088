/**
 * A mail server as a process of its own. Each mail that it takes is a line of JSON on stdout; the first part of a receiver's address says how it
 * behaves: `unknown`, `later`, `spam`, `held` (no answer before a line on stdin). With TLS it wants STARTTLS and a login.
 */
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { SMTPServer } from "smtp-server";

const [tlsFolder] = process.argv.slice(2);
const held: (() => void)[] = [];
process.stdin.on("data", () => {
  for (const answer of held.splice(0)) answer();
});

function refusal(responseCode: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode });
}

const server = new SMTPServer({
  authOptional: tlsFolder === undefined,
  disabledCommands: tlsFolder === undefined ? ["STARTTLS", "AUTH"] : [],
  ...(tlsFolder !== undefined && {
    key: readFileSync(`${tlsFolder}/key.pem`, "utf8"),
    cert: readFileSync(`${tlsFolder}/cert.pem`, "utf8"),
  }),
  onAuth(auth, _session, callback) {
    if (auth.username === "orders" && auth.password === "p@ss word") callback(null, { user: auth.username });
    else callback(refusal(535, "Wrong user or password"));
  },
  onRcptTo({ address }, _session, callback) {
    if (address.startsWith("unknown")) callback(refusal(550, "No such user"));
    else if (address.startsWith("later")) callback(refusal(451, "Come back later"));
    else callback();
  },
  onData(stream, session, callback) {
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      const { mailFrom, rcptTo } = session.envelope;
      const to = rcptTo.map(({ address }) => address);
      if (to[0]?.startsWith("spam")) return callback(refusal(554, "We do not like it"));
      const raw = Buffer.concat(chunks).toString("utf8");
      const from = mailFrom ? mailFrom.address : "";
      process.stdout.write(`${JSON.stringify({ from, to, raw, secure: session.secure, user: session.user })}\n`);
      if (to[0]?.startsWith("held")) held.push(() => callback(null, "taken"));
      else callback(null, "taken");
    });
  },
});
server.on("error", () => {});
server.listen(Number(process.env["SMTP_PORT"] ?? 0), "127.0.0.1", () => {
  process.stdout.write(`listening ${(server.server.address() as AddressInfo).port}\n`);
});
