/** `user …`: who may order, in the tenant's database. */
import { Command, Option } from "commander";
import { ROLES, type Role } from "#crds/files.ts";
import { type FileQuota, fileQuotas, UNLIMITED } from "#store/quotas.ts";
import { findUser, listUsers, removeUser, setPassword, upsertUser } from "#store/users.ts";
import { withDatabase } from "../database.ts";
import { Failure } from "../failure.ts";
import { type HomeOptions, withHome } from "../home.ts";
import { pairs, table } from "../output/table.ts";
import { readPassword } from "../password.ts";

const EXAMPLES = `
How much they may download: \`regards-order quota\`.

Examples:
  $ regards-order user add alice@example.org                                            asks for the password
  $ echo secret | regards-order user add alice@example.org --password-stdin --group meteo
  $ regards-order user set-role alice@example.org ADMIN`;

const roleOption = () => new Option("--role <role>", "what the user may do").choices(ROLES).default("REGISTERED_USER");

export function userCommand(): Command {
  const command = new Command("user").description("Users of a tenant: who they are and what they may do.");
  for (const one of [add(), list(), remove(), password(), setRole()]) command.addCommand(withHome(one));
  return command.addHelpText("after", EXAMPLES);
}

type AddOptions = HomeOptions & { role: Role; group?: readonly string[]; passwordStdin?: boolean };

function add(): Command {
  return new Command("add")
    .description("Add a user.")
    .argument("<email>", "the user's e-mail address")
    .addOption(roleOption())
    .option("--group <name>", "group whose datasets the user may order (repeatable)", collect)
    .option("--password-stdin", "read the password from standard input instead of asking for it")
    .action(async (email: string, options: AddOptions) => {
      checkEmail(email);
      const secret = await readPassword({ user: email, stdin: options.passwordStdin === true });
      await withDatabase(options, async (db) => {
        if (await findUser(db, email)) throw new Failure(`Cannot add user '${email}': there is one already`);
        await upsertUser(db, { email, role: options.role, groups: options.group ?? [], active: true });
        await setPassword(db, email, secret);
      });
      process.stdout.write(`user ${email} added (${options.role})\n`);
    });
}

function list(): Command {
  return new Command("list")
    .description("List the users.")
    .option("--json", "print JSON")
    .action(async (options: HomeOptions & { json?: boolean }) => {
      const shown = await withDatabase(options, async (db) => {
        const users = await listUsers(db);
        const quotas = await fileQuotas(
          db,
          users.map(({ email }) => email),
        );
        return users.map(({ email, role, groups, active }, i) => ({ email, role, groups, active, ...quotas[i] }));
      });
      if (options.json) return void process.stdout.write(`${JSON.stringify(shown, null, 2)}\n`);
      if (shown.length === 0) return void process.stderr.write("No users.\n");
      const text = table(shown, [
        { title: "EMAIL", cell: (user) => user.email },
        { title: "ROLE", cell: (user) => user.role },
        { title: "ACTIVE", cell: (user) => (user.active ? "yes" : "no") },
        { title: "FILES", align: "right", cell: (user) => filesText(user) },
        { title: "GROUPS", cell: (user) => user.groups.join(", ") },
      ]);
      process.stdout.write(`${text}\n`);
    });
}

/** Downloaded, and of how many: as far as there is a limit. */
function filesText({ currentQuota, maxQuota }: Partial<FileQuota>): string {
  return maxQuota === UNLIMITED ? `${currentQuota}` : `${currentQuota} of ${maxQuota}`;
}

function remove(): Command {
  return new Command("remove")
    .description("Remove a user; orders already made stay.")
    .argument("<email>")
    .action(async (email: string, options: HomeOptions) => {
      await withDatabase(options, async (db) => {
        await existing(db, email);
        await removeUser(db, email);
      });
      process.stdout.write(`user ${email} removed\n`);
    });
}

function password(): Command {
  return new Command("password")
    .description("Give a user another password.")
    .argument("<email>")
    .option("--password-stdin", "read the password from standard input instead of asking for it")
    .action(async (email: string, options: HomeOptions & { passwordStdin?: boolean }) => {
      const secret = await readPassword({ user: email, stdin: options.passwordStdin === true });
      await withDatabase(options, async (db) => {
        await existing(db, email);
        await setPassword(db, email, secret);
      });
      process.stdout.write(`user ${email} has another password\n`);
    });
}

function setRole(): Command {
  return new Command("set-role")
    .description(`Change what a user may do: ${ROLES.join(", ")}.`)
    .argument("<email>")
    .argument("<role>")
    .action(async (email: string, role: string, options: HomeOptions) => {
      const known = ROLES.find((one) => one === role);
      if (!known) throw new Failure(`Cannot set role '${role}': known are ${ROLES.join(", ")}`);
      await withDatabase(options, async (db) => {
        const { groups, active } = await existing(db, email);
        await upsertUser(db, { email, role: known, groups, active });
      });
      process.stdout.write(`${pairs([[email, known]])}\n`);
    });
}

async function existing(db: Parameters<typeof findUser>[0], email: string) {
  const user = await findUser(db, email);
  if (!user) throw new Failure(`Cannot find user '${email}': \`user list\` shows who there is`);
  return user;
}

function checkEmail(email: string): void {
  if (!/^[^\s@]+@[^\s@]+$/.test(email) || email.length > 128) {
    throw new Failure(`Cannot add user '${email}': an e-mail address of at most 128 characters is needed`);
  }
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
