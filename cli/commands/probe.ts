/** `probe`: asks addresses until each has answered well, for who has no other program at hand: the image holds nothing but this one. */
import { Command, InvalidArgumentError } from "commander";
import { pause } from "#kube/pause.ts";
import { Failure } from "../failure.ts";

const AGAIN_MS = 500;
const ANSWER_WITHIN_MS = 5_000;

export function probeCommand(): Command {
  return new Command("probe")
    .description("Ask addresses until each answers with a status below 300.")
    .argument("<urls...>", "e.g. http://127.0.0.1:9043/readyz")
    .option("--wait <seconds>", "how long to ask again", seconds, 0)
    .action(async (urls: readonly string[], { wait }: { wait: number }) => {
      const until = performance.now() + wait * 1000;
      for (const url of urls) {
        const problem = await answers(url, until);
        if (problem) throw new Failure(`No good answer from '${url}': ${problem}`);
        process.stdout.write(`${url} answers\n`);
      }
    });
}

/** Undefined once it has answered well; the last problem when the time is over. */
async function answers(url: string, until: number): Promise<string | undefined> {
  for (;;) {
    const problem = await ask(url);
    if (problem === undefined || performance.now() + AGAIN_MS > until) return problem;
    await pause(AGAIN_MS);
  }
}

async function ask(url: string): Promise<string | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
    return response.ok ? undefined : `${response.status} ${(await response.text()).slice(0, 200)}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function seconds(text: string): number {
  if (!/^\d{1,4}$/.test(text)) throw new InvalidArgumentError("A number of seconds is needed.");
  return Number(text);
}
