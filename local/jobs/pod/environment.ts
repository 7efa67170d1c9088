/**
 * The environment and the command line of a container, as the kubelet would make them: literals, fields of the pod, config maps and secrets,
 * and `$(NAME)` references. What a process inherits from this one is a short list of names, never everything.
 */
import type { Container, EnvFrom, EnvVar, Pod } from "#kube/kinds.ts";
import { type Mount, placed } from "./volumes.ts";

/** Reads the keys of a ConfigMap or Secret; undefined when there is none. */
export type Lookup = (
  kind: "ConfigMap" | "Secret",
  name: string,
) => Promise<Readonly<Record<string, string>> | undefined>;

/** The pod asks for something that is not there: reason `CreateContainerConfigError`. */
export class ConfigProblem extends Error {
  override readonly name = "ConfigProblem";
}

/** What every program on a machine needs to find its way. */
const INHERITED = [
  "PATH",
  "HOME",
  "USER",
  "LOGNAME",
  "LANG",
  "LC_ALL",
  "TZ",
  "TMPDIR",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
  "http_proxy",
  "https_proxy",
  "no_proxy",
  "SSL_CERT_FILE",
  "NODE_EXTRA_CA_CERTS",
];

/** The variables of this process that every container gets. */
export function inherited(env: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  return Object.fromEntries(INHERITED.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}

/** The variables of a container, on top of `base`; its own are led to the folders of its mounts. */
export async function containerEnv(
  pod: Pod,
  container: Container,
  o: { base: Readonly<Record<string, string>>; lookup: Lookup; mounts: readonly Mount[] },
): Promise<Readonly<Record<string, string>>> {
  const env: Record<string, string> = { ...o.base };
  for (const source of container.envFrom ?? []) Object.assign(env, await wholeSource(source, o.lookup));
  for (const variable of container.env ?? []) {
    const value = await variableValue(variable, pod, { ...o, env });
    if (value !== undefined) env[variable.name] = placed(value, o.mounts);
  }
  return env;
}

/** All keys of the config map or secret. */
async function wholeSource(source: EnvFrom, lookup: Lookup): Promise<Readonly<Record<string, string>>> {
  const { prefix = "", secretRef, configMapRef } = source;
  const kind = secretRef ? "Secret" : "ConfigMap";
  const ref = secretRef ?? configMapRef;
  if (!ref) return {};
  const data = await lookup(kind, ref.name);
  if (!data && ref.optional !== true) throw missing(kind, ref.name);
  return Object.fromEntries(Object.entries(data ?? {}).map(([key, value]) => [prefix + key, value]));
}

async function variableValue(
  variable: EnvVar,
  pod: Pod,
  { env, lookup }: { env: Readonly<Record<string, string>>; lookup: Lookup },
): Promise<string | undefined> {
  const from = variable.valueFrom;
  if (!from) return expand(variable.value ?? "", env);
  if (from.fieldRef) return fieldOf(pod, from.fieldRef.fieldPath);
  const kind = from.secretKeyRef ? "Secret" : "ConfigMap";
  const ref = from.secretKeyRef ?? from.configMapKeyRef;
  if (!ref) return undefined;
  const value = (await lookup(kind, ref.name))?.[ref.key];
  if (value === undefined && ref.optional !== true) throw missing(kind, `${ref.name}/${ref.key}`);
  return value;
}

function missing(kind: string, name: string): ConfigProblem {
  return new ConfigProblem(`${kind.toLowerCase()} "${name}" not found`);
}

function fieldOf(pod: Pod, path: string): string {
  const { metadata, spec } = pod;
  const keyed = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path);
  if (keyed) return metadata[keyed[1] as "labels" | "annotations"]?.[keyed[2] ?? ""] ?? "";
  const fields: Readonly<Record<string, string | undefined>> = {
    "metadata.name": metadata.name,
    "metadata.namespace": metadata.namespace,
    "metadata.uid": metadata.uid,
    "spec.nodeName": spec.nodeName,
    "spec.serviceAccountName": spec.serviceAccountName ?? "default",
    "status.podIP": "127.0.0.1",
    "status.hostIP": "127.0.0.1",
  };
  if (path in fields) return fields[path] ?? "";
  throw new ConfigProblem(`fieldPath "${path}" is not supported`);
}

/** `$(NAME)` becomes the variable where there is one; `$$` is an escaped `$`. */
export function expand(text: string, env: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\$|\$\(([^()]+)\)/g, (whole, name: string | undefined) =>
    name === undefined ? "$" : (env[name] ?? whole),
  );
}

/** Command and arguments. The image's own entry point is not known here, so a container must name its command. */
export function commandLine(
  container: Container,
  { env, mounts }: { readonly env: Readonly<Record<string, string>>; readonly mounts: readonly Mount[] },
): readonly string[] {
  if (!container.command?.length) {
    throw new ConfigProblem("no command: on one machine the image's own entry point is not known");
  }
  const args = (container.args ?? []).map((word) => placed(expand(word, env), mounts));
  return [...container.command.map((word) => expand(word, env)), ...args];
}
