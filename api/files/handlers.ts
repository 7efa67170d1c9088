/**
 * The files of an order that can be downloaded now, in both shapes that clients of the contract know: the guides' flat list, whose status
 * tells whether more is to come, and the wrapped list of the published interface.
 */
import type { Db } from "#store/db.ts";
import { availableFiles, type FileRow } from "#store/files.ts";
import { type Call, type Handler, idParam } from "../http/call.ts";
import { pageBody, pageRequest } from "../http/page.ts";
import { HttpProblem } from "../http/problem.ts";
import { json, respond, wrap } from "../http/respond.ts";
import { orderWithFiles } from "../orders/access.ts";
import { isOver } from "../orders/state.ts";

export type FileDeps = { readonly db: Db; readonly base: string };

const FLAT_PAGE_SIZE = 50;

/** F1 as the guides have it: 200 the order is over, 206 more may come, 204 nothing yet. */
export function listAvailableFilesFlat(deps: FileDeps): Handler {
  return async (call) => {
    const order = await orderWithFiles(deps.db, call.principal, idParam(call, "orderId"));
    const page = pageRequest(call.query, FLAT_PAGE_SIZE);
    const { rows, total } = await availableFiles(deps.db, order.id, page);
    const over = isOver(order);
    if (!over && total === 0) return respond(204, null);
    const content = rows.map((file) => flatFile(file, deps.base));
    const href = `${deps.base}/user/orders/${order.id}/files/available`;
    return json(over ? 200 : 206, pageBody(page, content, { total, href }));
  };
}

/** F1 as published. */
export function listAvailableFiles(deps: FileDeps): Handler {
  return async (call) => {
    const order = await orderWithFiles(deps.db, call.principal, idParam(call, "orderId"));
    return wrappedPage(deps, call, { orderId: order.id, path: `/orders/${order.id}/files/available` });
  };
}

/** F2: the files of one sub-order. */
export function listSubOrderFiles(deps: FileDeps): Handler {
  return async (call) => {
    const order = await orderWithFiles(deps.db, call.principal, idParam(call, "orderId"));
    const id = idParam(call, "filesTaskId");
    const [found] = await deps.db<{ number: number }[]>`
      SELECT number FROM sub_orders WHERE order_id = ${order.id} AND id = ${id}`;
    if (!found) throw new HttpProblem(404, []);
    const path = `/orders/${order.id}/filesTask/${id}/files/available`;
    return wrappedPage(deps, call, { orderId: order.id, subOrder: found.number, path });
  };
}

async function wrappedPage(
  deps: FileDeps,
  call: Call,
  o: { readonly orderId: number; readonly subOrder?: number; readonly path: string },
): Promise<Response> {
  const page = pageRequest(call.query);
  const { rows, total } = await availableFiles(deps.db, o.orderId, {
    ...page,
    ...(o.subOrder !== undefined && { subOrder: o.subOrder }),
  });
  const content = rows.map((file) => wrap(orderDataFile(file, deps.base)));
  return json(200, pageBody(page, content, { total, href: deps.base + o.path }));
}

export function fileUrl(base: string, id: number): string {
  return `${base}/orders/files/${id}`;
}

function orderDataFile(file: FileRow, base: string) {
  return {
    id: file.id,
    productId: file.providerId,
    version: file.productVersion,
    downloadUrl: fileUrl(base, file.id),
    mimeType: file.mimeType,
    ...(file.checksum !== undefined && { checksum: file.checksum }),
    ...(file.size !== undefined && { filesize: file.size }),
    filename: file.filename,
  };
}

/** The guides' names beside the published ones. `uri` is what they download from: here it is our own address of the file. */
function flatFile(file: FileRow, base: string) {
  const dto = orderDataFile(file, base);
  return { ...dto, ...(file.size !== undefined && { fileSize: file.size }), uri: dto.downloadUrl };
}
