/** Reads a password: a line of standard input where a script gives it, else asked for on the terminal without showing it. */
import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { Failure } from "./failure.ts";

export async function readPassword(o: { user: string; stdin: boolean }): Promise<string> {
  const password = o.stdin ? await firstLine() : await ask(`Password of ${o.user}: `);
  if (password === "") throw new Failure("Cannot go on without a password: it is empty");
  return password;
}

async function firstLine(): Promise<string> {
  const text = await Bun.stdin.text();
  return text.split(/\r?\n/, 1)[0] ?? "";
}

function ask(question: string): Promise<string> {
  if (!process.stdin.isTTY) {
    throw new Failure("Cannot ask for a password: standard input is not a terminal (use --password-stdin)");
  }
  return new Promise((resolve, reject) => {
    const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
    const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
    process.stderr.write(question);
    lines.on("SIGINT", () => {
      lines.close();
      reject(new Failure("Interrupted", { code: 130 }));
    });
    lines.question("", (answer) => {
      process.stderr.write("\n");
      lines.close();
      resolve(answer);
    });
  });
}
