/**
 * Whether a request that came as a resource may become an order: the same questions that REST and AMQP ask before they make the row.
 * Only reads. That the key or the label is taken shows when the row is made: the constraints of the store decide that.
 */

import { type Access, CatalogueError } from "#catalog/catalogue.ts";
import { checkSelections } from "#catalog/check.ts";
import { passedQuota, quotaText } from "#catalog/order-quota.ts";
import { checkProcesses } from "#catalog/process/check-selections.ts";
import { ACCEPTED_REASON } from "#crds/conditions.ts";
import type { Order, Selection } from "#crds/order.ts";
import type { Db } from "#store/db.ts";
import { fileQuota } from "#store/quotas.ts";
import { findUser } from "#store/users.ts";
import type { Admission } from "./observed.ts";
import { calledProcesses, type RunPorts } from "./runs.ts";

export async function admit(order: Order, o: RunPorts & { readonly db: Db; readonly now: Date }): Promise<Admission> {
  const { owner, selections, sizeLimitBytes } = order.spec;
  const [problem, ...more] = checkSelections(selections, "selections");
  if (problem) {
    const rest = more.length > 0 ? ` (and ${more.length} more)` : "";
    return invalidSpec(`${problem.field}: ${problem.message}${rest}`);
  }
  const user = await findUser(o.db, owner);
  if (user === undefined) return refused(ACCEPTED_REASON.unknownUser, `Unknown user : ${owner}`);
  if (!user.active) return refused(ACCEPTED_REASON.inactiveUser, `User '${owner}' is not active`);
  const access = { email: owner, role: user.role, groups: user.groups };
  try {
    const found = await o.catalogue.summarize(selections, { access, before: o.now });
    if (found.files === 0) {
      return refused(ACCEPTED_REASON.nothingFound, "This selection contains no file that can be ordered");
    }
    if (sizeLimitBytes !== undefined && found.bytes > sizeLimitBytes) {
      return refused(ACCEPTED_REASON.sizeLimitExceeded, tooBig(found.bytes, sizeLimitBytes));
    }
    const problem = await processProblem(selections, { ...o, access });
    if (problem) return problem;
    const quota = await fileQuota(o.db, owner);
    const passed = await passedQuota(o.catalogue, quota, { selections, access, before: o.now });
    if (passed) return refused(ACCEPTED_REASON.quotaExceeded, quotaText(passed, owner));
  } catch (error) {
    if (error instanceof CatalogueError) return refused(ACCEPTED_REASON.catalogueFailed, catalogueText(error));
    throw error;
  }
  return { kind: "welcome", role: user.role, groups: user.groups };
}

async function processProblem(
  selections: readonly Selection[],
  o: RunPorts & { readonly access: Access; readonly now: Date },
): Promise<Admission | undefined> {
  const processes = await calledProcesses(o, selections);
  const check = { catalogue: o.catalogue, processes, access: o.access, before: o.now };
  const [problem] = await checkProcesses(selections, check);
  if (!problem) return undefined;
  const { index, field, message, kind } = problem;
  const reason = kind === "limit" ? ACCEPTED_REASON.processLimitExceeded : ACCEPTED_REASON.invalidProcess;
  return refused(reason, `selections[${index}].process.${field}: ${message}`);
}

/** The contract's text, and what the catalogue said of it. */
export function catalogueText(error: CatalogueError): string {
  return error.detail ? `${error.message}: ${error.detail}` : error.message;
}

/** Of a spec that no other state of the world would make good. */
export function invalidSpec(message: string): Admission {
  return refused(ACCEPTED_REASON.invalidSpec, message);
}

function refused(reason: string, message: string): Admission {
  return { kind: "refused", refusal: { reason, message } };
}

function tooBig(size: number, limit: number): string {
  return `The size of the basket [${size} bytes] exceeds the maximum size allowed [${limit} bytes]. Please review the order requested so that it does not exceed the maximum size configured.`;
}
