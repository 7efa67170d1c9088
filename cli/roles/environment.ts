/**
 * What the roles of a cluster are told by their environment, checked before anything is started: one line names what is missing or wrong.
 * Nothing has a default that could hide a mistake: an address that is not given is not guessed.
 */
import { Failure } from "../failure.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** What every role needs. */
export type Surroundings = {
  readonly tenant: string;
  readonly namespace: string;
  readonly databaseUrl: string;
  /** Absent: this is a pod, and its service account is used. */
  readonly kubeconfig?: string;
  /** Where health and metrics are served; 0: any free port. */
  readonly healthPort: number;
  readonly logLevel: string;
};

const HEALTH_PORT = 9080;
const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
const DEFAULT_PREFIX = "/api/v1/rs-order";

export function readSurroundings(tenant: string, env: Environment): Surroundings {
  const kubeconfig = env["ORDER_KUBECONFIG"];
  return {
    tenant,
    namespace: env["ORDER_NAMESPACE"] || tenant,
    databaseUrl: given(env, "ORDER_DATABASE_URL"),
    ...(kubeconfig ? { kubeconfig } : {}),
    healthPort: whole(env, "ORDER_HEALTH_PORT", { otherwise: HEALTH_PORT, most: 65_535 }),
    logLevel: oneOf(env, "ORDER_LOG_LEVEL", LOG_LEVELS),
  };
}

/** A variable that must be set. */
export function given(env: Environment, name: string): string {
  const value = env[name];
  if (!value) throw new Failure(`Cannot start: ${name} is not set`);
  return value;
}

/** A whole number from 0 to `most`. */
export function whole(
  env: Environment,
  name: string,
  { otherwise, most }: { readonly otherwise: number; readonly most: number },
): number {
  const text = env[name];
  if (!text) return otherwise;
  if (/^\d{1,9}$/.test(text) && Number(text) <= most) return Number(text);
  throw new Failure(`Cannot start: ${name} must be a whole number from 0 to ${most}, got '${text.slice(0, 40)}'`);
}

/** Where clients reach the service, and the path of the order service below it. */
export function readLinks(env: Environment): { readonly publicUrl: string; readonly prefix: string } {
  const text = given(env, "ORDER_PUBLIC_URL");
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "http:" && url?.protocol !== "https:") {
    throw new Failure(`Cannot start: ORDER_PUBLIC_URL must be an http or https URL, got '${text.slice(0, 200)}'`);
  }
  const prefix = env["ORDER_PREFIX"] || DEFAULT_PREFIX;
  if (!/^(\/[\w.~-]+)+$/.test(prefix)) {
    throw new Failure(
      `Cannot start: ORDER_PREFIX must be a path such as ${DEFAULT_PREFIX}, got '${prefix.slice(0, 200)}'`,
    );
  }
  return { publicUrl: text.replace(/\/+$/, ""), prefix };
}

function oneOf<const T extends readonly string[]>(env: Environment, name: string, words: T): string {
  const value = env[name] || "info";
  if (words.includes(value)) return value;
  throw new Failure(`Cannot start: ${name} must be one of ${words.join(", ")}, got '${value.slice(0, 40)}'`);
}
