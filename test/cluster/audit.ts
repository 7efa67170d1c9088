/** What the API server's audit log says that the service accounts of a release asked for, held against what its Roles allow. */
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

export async function askedBy(cluster: ClusterFacts, namespace: string, release: string): Promise<readonly Asked[]> {
  const prefix = `system:serviceaccount:${namespace}:${release}-`;
  const lines = (await Bun.file(cluster.auditLog).text()).split("\n").filter((line) => line.includes(prefix));
  return lines.flatMap((line) => {
    const event = JSON.parse(line) as AuditEvent;
    if (!event.user.username.startsWith(prefix)) return [];
    const { resource = event.requestURI, subresource, apiGroup = "", namespace: of = "" } = event.objectRef ?? {};
    return {
      account: event.user.username.slice(prefix.length),
      pod: event.user.extra?.[POD_NAME]?.[0] ?? "",
      at: new Date(event.requestReceivedTimestamp),
      verb: event.verb,
      group: apiGroup,
      resource: subresource ? `${resource}/${subresource}` : resource,
      namespace: of,
      code: event.responseStatus?.code ?? 0,
      message: event.responseStatus?.message ?? "",
    };
  });
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
