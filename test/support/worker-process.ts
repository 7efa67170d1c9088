/** The worker as a process of its own, for tests that kill it. */
import { workerMain } from "#worker/main.ts";

process.exit(await workerMain(process.argv.slice(2), process.env));
