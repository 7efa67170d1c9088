/** The files of one dataset of an order in whatever state (F3), sorted as asked: for whoever wants to know what became of each. */
import { datasetFiles, datasetOfOrder, FILE_SORT_KEYS, type FileRow } from "#store/files.ts";
import { type Handler, idParam } from "../http/call.ts";
import { pageBody, pageRequest } from "../http/page.ts";
import { HttpProblem } from "../http/problem.ts";
import { json, wrap } from "../http/respond.ts";
import { sortedHref, sortRequest } from "../http/sort.ts";
import { orderWithFiles } from "../orders/access.ts";
import { type FileDeps, fileUrl } from "./handlers.ts";

export function listDatasetFiles(deps: FileDeps): Handler {
  return async (call) => {
    const order = await orderWithFiles(deps.db, call.principal, idParam(call, "orderId"));
    const id = idParam(call, "datasetId");
    const datasetUrn = await datasetOfOrder(deps.db, order.id, id);
    if (datasetUrn === undefined) throw new HttpProblem(404, []);
    const page = pageRequest(call.query);
    const sorts = sortRequest(call.query, FILE_SORT_KEYS);
    const { rows, total } = await datasetFiles(deps.db, order.id, { datasetUrn, ...page, sorts });
    const href = sortedHref(`${deps.base}/orders/${order.id}/dataset/${id}/files`, sorts);
    const content = rows.map((file) =>
      wrap(dataFile(file, deps.base), [{ rel: "self", href: fileUrl(deps.base, file.id) }]),
    );
    return json(200, pageBody(page, content, { total, href }));
  };
}

/** Its addresses are ours: where the archive keeps the file is nobody's business, and may hold credentials. */
export function dataFile(file: FileRow, base: string) {
  const url = fileUrl(base, file.id);
  return {
    id: file.id,
    state: file.state,
    orderId: file.orderId,
    filesTaskId: file.subOrderId,
    ipId: file.productUrn,
    url,
    uri: url,
    ...(file.error !== undefined && { downloadError: file.error }),
    productId: file.providerId,
    version: file.productVersion,
    dataType: file.fileType,
    reference: file.reference,
    mimeType: file.mimeType,
    ...(file.checksum !== undefined && { checksum: file.checksum }),
    ...(file.algorithm !== undefined && { digestAlgorithm: file.algorithm }),
    ...(file.size !== undefined && { filesize: file.size }),
    filename: file.filename,
  };
}
