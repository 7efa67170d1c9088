/** What the API server's audit log says that an account asked for: counted, or held against what the Roles of a release allow. */
import { readdirSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { jsonLines } from "#kube/watch-events.ts";
import type { ClusterFacts } from "#test/support/cluster.ts";
import type { Rule } from "./release.ts";

export type Asked = {
  readonly account: string;
  /** The pod that its token was made for. */
  readonly pod: string;
  /** When the API server got the request. */
  readonly at: Date;
  readonly verb: string;
  readonly group: string;
  /** With its subresource, as a Role names it. */
  readonly resource: string;
  readonly namespace: string;
  readonly code: number;
  readonly message: string;
};

const POD_NAME = "authentication.kubernetes.io/pod-name";

type AuditEvent = {
  readonly stage: string;
  readonly verb: string;
  readonly requestReceivedTimestamp: string;
  readonly user: { readonly username: string; readonly extra?: Readonly<Record<string, readonly string[]>> };
  readonly objectRef?: {
    readonly resource?: string;
    readonly subresource?: string;
    readonly apiGroup?: string;
    readonly namespace?: string;
  };
  readonly requestURI: string;
  readonly responseStatus?: { readonly code?: number; readonly message?: string; readonly reason?: string };
};

/** What the accounts of a release asked for, under their names in it. */
export function askedBy(cluster: ClusterFacts, namespace: string, release: string): Promise<readonly Asked[]> {
  return askedByAccounts(cluster, `system:serviceaccount:${namespace}:${release}-`);
}

/** What those asked for whose name begins so; the rest of it is the account. */
export async function askedByAccounts(cluster: ClusterFacts, prefix: string): Promise<readonly Asked[]> {
  const asked: Asked[] = [];
  for (const file of logFiles(cluster.auditLog)) {
    for await (const line of jsonLines(Bun.file(file).stream())) {
      if (!line.includes(prefix)) continue;
      const event = JSON.parse(line) as AuditEvent;
      if (event.user.username.startsWith(prefix) && isTold(event)) asked.push(askedIn(event, prefix));
    }
  }
  return asked;
}

/** The log, and what the API server has put aside of it because it had grown too large. */
function logFiles(path: string): readonly string[] {
  const [folder, type] = [dirname(path), extname(path)];
  const name = basename(path, type);
  return readdirSync(folder)
    .filter((file) => file.startsWith(name) && file.endsWith(type))
    .map((file) => join(folder, file));
}

/** A watch that was granted is told of twice, when it begins and when it ends. */
function isTold({ verb, stage, responseStatus: { code = 0 } = {} }: AuditEvent): boolean {
  return verb !== "watch" || stage === "ResponseStarted" || code >= 400;
}

function askedIn(event: AuditEvent, prefix: string): Asked {
  const { resource = event.requestURI, subresource, apiGroup = "", namespace = "" } = event.objectRef ?? {};
  return {
    account: event.user.username.slice(prefix.length),
    pod: event.user.extra?.[POD_NAME]?.[0] ?? "",
    at: new Date(event.requestReceivedTimestamp),
    verb: event.verb,
    group: apiGroup,
    resource: subresource ? `${resource}/${subresource}` : resource,
    namespace,
    code: event.responseStatus?.code ?? 0,
    message: event.responseStatus?.message ?? "",
  };
}

/** Whether it wanted to change something. */
export function isWrite({ verb }: Asked): boolean {
  return !["get", "list", "watch"].includes(verb);
}

/** One line for each kind of request, as `operator: patch order.regards.io orders/status`. */
export function kinds(asked: readonly Asked[]): readonly string[] {
  return [
    ...new Set(asked.map(({ account, verb, group, resource }) => `${account}: ${verb} ${group} ${resource}`)),
  ].sort();
}

/** The same lines for all that rules allow. */
export function allowed(rules: Readonly<Record<string, readonly Rule[]>>): readonly string[] {
  return Object.entries(rules)
    .flatMap(([account, all]) =>
      all.flatMap(({ apiGroups, resources, verbs }) =>
        apiGroups.flatMap((group) =>
          resources.flatMap((resource) => verbs.map((verb) => `${account}: ${verb} ${group} ${resource}`)),
        ),
      ),
    )
    .sort();
}
