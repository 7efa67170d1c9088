/**
 * How the containers of a Job's pods ended, and what is said about it. Our own program logs JSON lines, of which the last error counts; of an
 * administrator's program the end of whatever it wrote, made fit for one line.
 */
import { CONTAINER } from "#crds/names.ts";
import type { ContainerState, Pod } from "#kube/kinds.ts";

/** pino's. */
const ERROR_LEVEL = 50;
const LONGEST_SAYING = 1000;

export type End = { readonly container: string } & NonNullable<ContainerState["terminated"]>;

/** The container that ended last; of those of one second, the later one of the pod. */
export function lastEnd(pods: readonly Pod[]): End | undefined {
  return endsOf(pods)
    .toSorted((a, b) => (a.finishedAt ?? "").localeCompare(b.finishedAt ?? ""))
    .at(-1);
}

export function endsOf(pods: readonly Pod[]): readonly End[] {
  return pods
    .flatMap(({ status }) => [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])])
    .flatMap(({ name, state }) => (state?.terminated ? [{ container: name, ...state.terminated }] : []));
}

/** The pod may be gone by the time that we look: the Job's condition then still names what its rule matched. */
export function endInMessage(message: string | undefined): Pick<End, "container" | "exitCode"> | undefined {
  const match = message?.match(/Container (\S+) for pod .* failed with exit code (\d+)/);
  return match?.[1] === undefined ? undefined : { container: match[1], exitCode: Number(match[2]) };
}

/** What the container had to say; nothing if it was silent. */
export function sayingOf({ container, message = "" }: Pick<End, "container" | "message">): string | undefined {
  const said = container === CONTAINER.process ? endOf(message) : plainly(message.trim());
  return said === "" ? undefined : said;
}

/** The end of an unknown program's output, without what neither a status nor a row can hold. */
function endOf(output: string): string {
  const line = output
    .toWellFormed()
    .replaceAll(/[\p{Cc}\s]+/gu, " ")
    .trim();
  return line.length <= LONGEST_SAYING ? line : `…${line.slice(-LONGEST_SAYING).toWellFormed()}`;
}

/** The message is the end of the worker's log, whose lines are JSON: of those the last that tells of an error, in words. */
function plainly(log: string): string {
  const lines = log.split("\n").flatMap(spoken);
  const line = lines.findLast(({ level }) => level >= ERROR_LEVEL) ?? lines.at(-1);
  return line === undefined ? log : [line.message, line.cause].filter(Boolean).join(": ");
}

type Spoken = { readonly level: number; readonly message: string; readonly cause?: string };

/** What a line says; nothing where it is none of the log's, or is cut. */
function spoken(line: string): readonly Spoken[] {
  try {
    const { level, msg, err } = JSON.parse(line) as { level?: unknown; msg?: unknown; err?: { message?: unknown } };
    if (typeof level !== "number" || typeof msg !== "string") return [];
    return [{ level, message: msg, ...(typeof err?.message === "string" && { cause: err.message }) }];
  } catch {
    return [];
  }
}
