/** What became of each part of an order: its sub-orders, and its files in whatever state, with the reasons of those that could not be had. */
import { FILE_STATES } from "#crds/files.ts";
import { orderFiles, type SubOrderRow, subOrdersPage } from "#store/files.ts";
import { type Call, type Handler, idParam } from "../http/call.ts";
import { pageBody, pageRequest } from "../http/page.ts";
import { HttpProblem } from "../http/problem.ts";
import { json, wrap } from "../http/respond.ts";
import { orderWithFiles } from "../orders/access.ts";
import { dataFile } from "./dataset-files.ts";
import { type FileDeps, fileUrl } from "./handlers.ts";

export const SUB_ORDER_STATES = ["Waiting", "Running", "Succeeded", "Failed"] as const;

export function listSubOrders(deps: FileDeps): Handler {
  return async (call) => {
    const order = await orderWithFiles(deps.db, call.principal, idParam(call, "orderId"));
    const states = wordsOf(call, SUB_ORDER_STATES);
    const page = pageRequest(call.query);
    const { rows, total } = await subOrdersPage(deps.db, order.id, { ...page, ...(states && { states }) });
    const files = (row: SubOrderRow) => `${deps.base}/user/orders/${order.id}/files?subOrder=${row.number}`;
    const content = rows.map((row) => wrap(subOrder(row), [{ rel: "files", href: files(row) }]));
    const href = hrefOf(deps, call, `/user/orders/${order.id}/suborders`);
    return json(200, pageBody(page, content, { total, href }));
  };
}

export function listOrderFiles(deps: FileDeps): Handler {
  return async (call) => {
    const order = await orderWithFiles(deps.db, call.principal, idParam(call, "orderId"));
    const states = wordsOf(call, FILE_STATES);
    const number = subOrderNumber(call);
    const page = pageRequest(call.query);
    const wanted = { ...page, ...(states && { states }), ...(number !== undefined && { subOrder: number }) };
    const { rows, total } = await orderFiles(deps.db, order.id, wanted);
    const content = rows.map((file) =>
      wrap(dataFile(file, deps.base), [{ rel: "self", href: fileUrl(deps.base, file.id) }]),
    );
    return json(200, pageBody(page, content, { total, href: hrefOf(deps, call, `/user/orders/${order.id}/files`) }));
  };
}

function subOrder(row: SubOrderRow) {
  return {
    id: row.id,
    number: row.number,
    datasetLabel: row.datasetLabel,
    state: row.state,
    attempt: row.attempt,
    reference: row.reference,
    files: row.files,
    bytes: row.bytes,
    ...(row.message !== undefined && { message: row.message }),
    ...(row.notBefore && { notBefore: row.notBefore.toISOString() }),
    ...(row.startedAt && { startDate: row.startedAt.toISOString() }),
    ...(row.endedAt && { endDate: row.endedAt.toISOString() }),
    ...(row.lastReportAt && { lastReportDate: row.lastReportAt.toISOString() }),
  };
}

/** `state`, once or several times, or several with commas between them. */
function wordsOf<T extends string>({ query }: Call, known: readonly T[]): readonly T[] | undefined {
  const given = query.getAll("state").flatMap((text) => text.split(","));
  if (given.length === 0) return undefined;
  return given.map((word) => {
    const found = known.find((each) => each === word);
    if (found) return found;
    throw new HttpProblem(422, [`state: expected some of ${known.join(", ")}, got '${word.slice(0, 64)}'`]);
  });
}

function subOrderNumber({ query }: Call): number | undefined {
  const text = query.get("subOrder");
  if (text === null) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new HttpProblem(422, [`subOrder: expected the number of a sub-order, got '${text.slice(0, 64)}'`]);
}

/** The address of the list with what restricts it, without the page. */
function hrefOf(deps: FileDeps, { query }: Call, path: string): string {
  const kept = new URLSearchParams();
  for (const name of ["state", "subOrder"]) for (const value of query.getAll(name)) kept.append(name, value);
  return kept.size === 0 ? deps.base + path : `${deps.base}${path}?${kept}`;
}
