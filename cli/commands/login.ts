/** `login`: trades a password for a token, which later commands use. */
import { Command } from "commander";
import { signIn } from "../client/rest.ts";
import { saveSession } from "../client/session.ts";
import { humanTime } from "../output/human.ts";
import { readPassword } from "../password.ts";

export function loginCommand(): Command {
  return new Command("login")
    .description("Sign in to a service; the token is kept for the commands that follow.")
    .argument("<url>", "address of the service, e.g. http://127.0.0.1:9043")
    .requiredOption("--user <email>", "who signs in")
    .option("--tenant <name>", "tenant (project) to work in", process.env["ORDER_TENANT"] ?? "default")
    .option("--password-stdin", "read the password from standard input instead of asking for it")
    .action(async (url: string, options: { user: string; tenant: string; passwordStdin?: boolean }) => {
      const password = await readPassword({ user: options.user, stdin: options.passwordStdin === true });
      const now = () => new Date();
      const session = await signIn({ url, tenant: options.tenant, user: options.user, password, now });
      const file = saveSession(session);
      process.stderr.write(
        `Signed in to ${session.url} as ${session.user}, ends ${humanTime(session.expires, now())}\n`,
      );
      process.stderr.write(`The token is kept in ${file}\n`);
    });
}
