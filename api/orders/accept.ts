/**
 * The one way into the system for an order that REST or AMQP asks for: checks the request, asks the catalogue what it means, stores the
 * row, makes the resource. The row is stored before the answer, so an accepted order is never lost; by (owner, correlationId) the same
 * request is the same order, however often it comes.
 */

import type { Logger } from "pino";
import { type Catalogue, CatalogueError } from "#catalog/catalogue.ts";
import { checkSelections } from "#catalog/check.ts";
import { passedQuota, quotaText } from "#catalog/order-quota.ts";
import { checkProcesses } from "#catalog/process/check-selections.ts";
import type { OrderSpec, Selection } from "#crds/order.ts";
import type { Transport } from "#kube/transport.ts";
import type { Db } from "#store/db.ts";
import type { Inserted, InsertOrder, OrderRow } from "#store/orders.ts";
import type { Principal } from "../auth/principal.ts";
import { processesFor, processReader, type ReadProcesses } from "../processes/read.ts";
import { type AcceptStore, acceptStore } from "./accept-store.ts";
import * as outcome from "./outcome.ts";
import { type OrderRequest, parseOrderRequest } from "./request.ts";
import { tryToCreate } from "./resource.ts";
import { orderSpec, requestField, selectionsOf, unfiltered } from "./spec.ts";

export type AcceptDeps = {
  readonly db: Db;
  readonly catalogue: Catalogue;
  readonly transport: Transport;
  readonly now: () => Date;
  readonly logger: Logger;
  /** Absent: each question a statement of its own. */
  readonly store?: AcceptStore;
  /** Absent: asked of Kubernetes each time. */
  readonly readProcesses?: ReadProcesses;
  /** Makes the resource of a new order and never fails. Absent: the answer waits for it, though only a moment. */
  readonly makeResource?: (row: OrderRow) => Promise<void>;
  /** Hears of each accepted request; for traces. */
  readonly onAccepted?: OnAccepted;
};

export type OnAccepted = (accepted: {
  readonly orderId: number;
  readonly channel: string;
  readonly start: Date;
  /** Of the caller, as it came. */
  readonly traceparent?: string;
}) => void;

export type Asked = {
  /** The contract's OrderRequestDto, as it came. Its `user` is the owner. */
  readonly body: unknown;
  readonly channel: "rest" | "amqp" | "delivery";
  /** Whoever asks with a token: the owner. Absent: the owner is who the body says, and must be a user of ours. */
  readonly caller?: Principal;
  /** The queue that is told of the order too. */
  readonly replyTo?: string;
  /** Where the client has put the correlation id, when not in the body. */
  readonly keyField?: string;
  /** The caller's place in a trace (W3C Trace Context), as it came. */
  readonly traceparent?: string;
};

export async function acceptOrder(deps: AcceptDeps, asked: Asked): Promise<outcome.Acceptance | outcome.Refusal> {
  const start = deps.now();
  const checked = await checkOrder(deps, asked);
  if (checked.kind === "refused") return checked;
  const { spec, correlationId, access } = checked;
  const { role, groups } = access;
  const { channel, replyTo, keyField, traceparent } = asked;
  const reply = replyTo !== undefined && { replyTo };
  const answer = await store(deps, { spec, correlationId, role, groups, channel, ...reply }, keyField);
  if (answer.kind === "accepted") {
    deps.onAccepted?.({ orderId: answer.row.id, channel, start, ...(traceparent !== undefined && { traceparent }) });
  }
  return answer;
}

/** A request that nothing is said against but, perhaps, its key or label. */
export type Checked = {
  readonly kind: "checked";
  readonly spec: OrderSpec;
  readonly correlationId: string;
  readonly access: Measured["access"];
};

/** All that can be found out about a request without writing anything. */
export async function checkOrder(deps: AcceptDeps, asked: Asked): Promise<Checked | outcome.Refusal> {
  const parsed = parseOrderRequest(asked.body);
  const correlationId = correlationIdOf(asked.body);
  if (parsed.kind === "problems") return outcome.invalid(correlationId, parsed.problems);
  const { request } = parsed;
  if (!request.user) return outcome.invalid(correlationId, [{ field: "user", message: "User should be present" }]);
  const selections = selectionsOf(request);
  const wrong = selectionProblems(request, { selections, correlationId });
  if (wrong) return wrong;
  const user = asked.caller ?? (await storeOf(deps).findUser(request.user));
  if (!user) return outcome.unknownUser(correlationId, request.user);
  if ("active" in user && !user.active) return outcome.inactiveUser(correlationId, user.email);
  const { email, role, groups } = user;

  const known = await storeOf(deps).findOrderByKey(email, correlationId);
  const access = { email, role, groups };
  const refused = known ? undefined : await measure(deps, { request, selections, access, correlationId });
  if (refused) return refused;
  const spec = await specFor(deps, { request, selections, owner: email, known });
  return { kind: "checked", spec, correlationId, access };
}

function storeOf({ store, db }: AcceptDeps): AcceptStore {
  return store ?? acceptStore(db);
}

export function readProcessesOf({ readProcesses, transport }: AcceptDeps): ReadProcesses {
  return readProcesses ?? processReader(transport);
}

/** The request's own id, or a new one to answer with. */
function correlationIdOf(body: unknown): string {
  const given: unknown = typeof body === "object" && body !== null ? Reflect.get(body, "correlationId") : undefined;
  return typeof given === "string" && given !== "" ? given : `auto-correlation-id-${crypto.randomUUID()}`;
}

function selectionProblems(
  request: OrderRequest,
  o: { selections: readonly Selection[]; correlationId: string },
): outcome.Refusal | undefined {
  const problems = checkSelections(o.selections).map(({ field: where, message }) => {
    const field = requestField(where, request);
    return { field, message, rejected: valueAt(request, field) };
  });
  if (problems.length === 0) return undefined;
  // A search that cannot be read is told as the contract tells it; a bad file name pattern, which it never noticed, as bad content.
  const search = problems.filter(({ field }) => /^queries\[|^geometry$|\.(?:query|geometry)$/.test(field));
  if (search.length > 0)
    return outcome.searchFailed(
      o.correlationId,
      search.map((p) => `${p.field}: ${p.message}`),
      search,
    );
  const byField = new Map(problems.map((problem) => [problem.field, problem]));
  return outcome.invalid(o.correlationId, [...byField.values()]);
}

/** What the request says at `filters.filenameRegExp`, `queries[1]` and the like. */
function valueAt(request: OrderRequest, field: string): unknown {
  const steps = field.split(/[.[\]]+/).filter((step) => step !== "");
  return steps.reduce<unknown>(
    (at, step) => (typeof at === "object" && at ? Reflect.get(at, step) : undefined),
    request,
  );
}

type Measured = {
  readonly request: OrderRequest;
  readonly selections: readonly Selection[];
  readonly access: Parameters<Catalogue["summarize"]>[1]["access"];
  readonly correlationId: string;
};

/** What the catalogue says against the order, if anything. Measured before file filters, as the contract does; for the quota by what is ordered. */
async function measure(deps: AcceptDeps, m: Measured): Promise<outcome.Refusal | undefined> {
  try {
    const options = { access: m.access, before: deps.now() };
    const summary = await deps.catalogue.summarize(unfiltered(m.selections), options);
    if (summary.files === 0) return outcome.nothingFound(m.correlationId);
    const limit = m.request.sizeLimitInBytes;
    if (limit !== undefined && summary.bytes > limit) {
      return outcome.tooLarge(m.correlationId, { bytes: summary.bytes, limit });
    }
    const refused = await processRefusal(deps, m);
    if (refused) return refused;
    const quota = await storeOf(deps).fileQuota(m.access.email);
    const passed = await passedQuota(deps.catalogue, quota, { ...options, selections: m.selections });
    return passed && outcome.overQuota(m.correlationId, quotaText(passed, m.access.email));
  } catch (error) {
    if (!(error instanceof CatalogueError)) throw error;
    return outcome.searchFailed(m.correlationId, [error.detail || error.message]);
  }
}

/** What is said against the processes that the request calls, if anything. */
async function processRefusal(deps: AcceptDeps, m: Measured): Promise<outcome.Refusal | undefined> {
  const { access, selections, request } = m;
  const processes = await processesFor(selections, readProcessesOf(deps));
  const check = { catalogue: deps.catalogue, processes, access, before: deps.now() };
  const problems = (await checkProcesses(selections, check)).map(({ index, field: below, ...problem }) => {
    const field = requestField(`selections[${index}].process.${below}`, request);
    return { ...problem, field, rejected: valueAt(request, field) };
  });
  return problems.length > 0 ? outcome.processRefused(m.correlationId, problems) : undefined;
}

/** How long the files of a sub-order stay is the tenant's setting at the time of the first request: a repeat must not differ by it. */
async function specFor(
  deps: AcceptDeps,
  o: { request: OrderRequest; selections: readonly Selection[]; owner: string; known: OrderRow | undefined },
): Promise<OrderSpec> {
  const before = o.known?.spec.subOrderAvailabilitySeconds;
  const availabilitySeconds = before ?? (await storeOf(deps).readSettings()).app_sub_order_duration * 3600;
  return orderSpec(o.request, { owner: o.owner, selections: o.selections, availabilitySeconds });
}

async function store(
  deps: AcceptDeps,
  o: Pick<InsertOrder, "spec" | "role" | "groups" | "channel" | "replyTo"> & { correlationId: string },
  keyField: string | undefined,
): Promise<outcome.Acceptance | outcome.Refusal> {
  const now = deps.now();
  const label = `Generated order ${now.toISOString()}`;
  const inserted = await storeOf(deps).insertOrder({ ...o, owner: o.spec.owner, label, now });
  if (inserted.kind === "conflict") return insertRefusal(inserted, { correlationId: o.correlationId, keyField });
  const { row } = inserted;
  if (row.resourceUid === undefined && row.completionTime === undefined) {
    await (deps.makeResource ? deps.makeResource(row) : tryToCreate(deps, row));
  }
  return { kind: "accepted", row, repeated: inserted.kind === "same" };
}

export function insertRefusal(
  taken: Extract<Inserted, { kind: "conflict" }>,
  { correlationId, keyField = "correlationId" }: { correlationId: string; keyField: string | undefined },
): outcome.Refusal {
  return taken.field === "label"
    ? outcome.labelTaken(correlationId)
    : outcome.correlationIdTaken(correlationId, { field: keyField, orderId: taken.row?.id });
}
