/** Answers to "who am I" and "may I": there is one user, the holder of the token, and he may do everything. */
import { type Fields, fieldsOf } from "../object.ts";
import { decodeProtobuf } from "../protobuf/decode.ts";
import { readObject } from "../request/body.ts";
import { VIRTUAL_KINDS } from "../resources/virtual-kinds.ts";
import { json } from "../respond/answer.ts";
import { methodNotAllowed } from "../status.ts";

export const USER = { username: "local-admin", groups: ["system:masters", "system:authenticated"] } as const;

const EVERYTHING = {
  resourceRules: [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }],
  nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["*"] }],
  incomplete: false,
};

const STATUS: Readonly<Record<string, Fields>> = {
  SelfSubjectAccessReview: { allowed: true, reason: "the local Kubernetes has one user, who may do everything" },
  SelfSubjectRulesReview: EVERYTHING,
  SelfSubjectReview: { userInfo: USER },
};

/** The answer when the path is one of a review; `undefined` otherwise. */
export async function reviewAnswer(request: Request, pathname: string): Promise<Response | undefined> {
  const found = VIRTUAL_KINDS.find(({ group, version, plural }) => pathname === `/apis/${group}/${version}/${plural}`);
  if (!found) return undefined;
  if (request.method !== "POST") throw methodNotAllowed();
  const body = fieldsOf(await readObject(request, decodeProtobuf));
  const { group, version, kind } = found;
  return json(
    { ...body, kind, apiVersion: `${group}/${version}`, metadata: fieldsOf(body["metadata"]), status: STATUS[kind] },
    201,
  );
}
