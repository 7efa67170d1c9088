/**
 * One pod from its first container to its last: init containers one after another, then the others together, each change of state written.
 * Stopping is SIGTERM, grace, SIGKILL to the process groups; whatever happens, the pod ends with a status.
 */
import type { Logger } from "pino";
import type { Container, ContainerState, Pod } from "#kube/kinds.ts";
import { ConfigProblem, commandLine, containerEnv, type Lookup } from "./environment.ts";
import { endOfLog } from "./logs.ts";
import { type LocalProcess, logFile, startProcess } from "./process.ts";
import { disrupted, type PodStatus, podStatus, terminated } from "./status.ts";
import { makeFolders, mountsOf, placed, removeFolders } from "./volumes.ts";

export type PodRunOptions = {
  readonly pod: Pod;
  readonly folder: string;
  /** Variables that a container gets before its own. */
  readonly baseOf: (container: string) => Readonly<Record<string, string>>;
  readonly lookup: Lookup;
  /** Keeps at it until the status is stored or the pod is gone. */
  readonly writeStatus: (status: PodStatus) => Promise<void>;
  readonly now: () => Date;
  readonly logger: Logger;
};

export type StopOptions = {
  readonly graceMs: number;
  /** Set when the machine is the reason, not a wish to delete the pod. */
  readonly disruption?: { readonly reason: string; readonly message: string };
};

/** Exit codes of the container runtime for a program that could not be started, and for one that was never begun. */
const CANNOT_START = 128;
const KILLED = 137;

export class PodRun {
  readonly #options: PodRunOptions;
  readonly #startedAt: Date;
  readonly #processes = new Map<string, LocalProcess>();
  readonly #states: Record<string, ContainerState> = {};
  readonly done: Promise<void>;
  #stop: StopOptions | undefined;
  #killTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: PodRunOptions) {
    this.#options = options;
    this.#startedAt = options.now();
    this.done = this.#run().finally(() => clearTimeout(this.#killTimer));
  }

  /** Asks the programs to end, and ends them when the grace is over. A second call can only hurry it. */
  stop(options: StopOptions): void {
    this.#stop ??= options;
    for (const process of this.#processes.values()) process.signal("SIGTERM");
    clearTimeout(this.#killTimer);
    this.#killTimer = setTimeout(() => this.#kill(), options.graceMs);
  }

  #kill(): void {
    for (const process of this.#processes.values()) process.signal("SIGKILL");
  }

  async #run(): Promise<void> {
    const { pod } = this.#options;
    for (const container of pod.spec.initContainers ?? []) {
      const code = await this.#runContainer(container);
      if (code !== 0) return this.#writeEnd();
    }
    await Promise.all(pod.spec.containers.map((container) => this.#runContainer(container)));
    await this.#writeEnd();
  }

  async #runContainer(container: Container): Promise<number> {
    const { now } = this.#options;
    const startedAt = now();
    if (this.#stop) {
      this.#states[container.name] = terminated(KILLED, { startedAt, now: now(), reason: "ContainerStatusUnknown" });
      return KILLED;
    }
    try {
      const process = await this.#start(container);
      this.#processes.set(container.name, process);
      // The stop may have come while the environment was read.
      if (this.#stop) process.signal("SIGTERM");
      this.#states[container.name] = { running: { startedAt: startedAt.toISOString() } };
      const [code] = await Promise.all([process.exited, this.#write()]);
      this.#processes.delete(container.name);
      const message = await this.#lastWords(container, code);
      this.#states[container.name] = terminated(code, { startedAt, now: now(), ...(message ? { message } : {}) });
      return code;
    } catch (error) {
      const reason = error instanceof ConfigProblem ? "CreateContainerConfigError" : "StartError";
      const message = error instanceof Error ? error.message : String(error);
      this.#options.logger.warn({ pod: this.#options.pod.metadata.name, container: container.name, message }, reason);
      this.#states[container.name] = terminated(CANNOT_START, { startedAt, now: now(), reason, message });
      return CANNOT_START;
    }
  }

  async #start(container: Container): Promise<LocalProcess> {
    const { pod, folder, baseOf, lookup } = this.#options;
    const mounts = mountsOf(pod, container, folder);
    await makeFolders(mounts);
    const env = await containerEnv(pod, container, { base: baseOf(container.name), lookup, mounts });
    const { workingDir } = container;
    return startProcess({
      command: commandLine(container, { env, mounts }),
      env,
      folder,
      container: container.name,
      ...(workingDir === undefined ? {} : { workingDir: placed(workingDir, mounts) }),
      holdStdin: env["ORDER_EXIT_WITH_PARENT"] === "1",
    });
  }

  /** What the kubelet tells of a container that failed, where it is asked to look into its log. */
  async #lastWords({ name, terminationMessagePolicy }: Container, code: number): Promise<string> {
    if (code === 0 || terminationMessagePolicy !== "FallbackToLogsOnError") return "";
    return await endOfLog(logFile(this.#options.folder, name));
  }

  #write(): Promise<void> {
    const { pod, now, writeStatus } = this.#options;
    return writeStatus(podStatus(pod, this.#states, { startedAt: this.#startedAt, now: now() }));
  }

  async #writeEnd(): Promise<void> {
    const { pod, folder, now, writeStatus } = this.#options;
    await removeFolders(folder);
    const status = podStatus(pod, this.#states, { startedAt: this.#startedAt, now: now() });
    const disruption = this.#stop?.disruption;
    const failed = status.phase !== "Succeeded";
    await writeStatus(failed && disruption ? disrupted({ ...pod, status }, { now: now(), ...disruption }) : status);
  }
}
