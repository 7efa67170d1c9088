/**
 * The archive of a delivery: a folder for each product, named after it and its version. With one product only the archive has its name. The same files
 * give the same bytes, whoever makes them: that is what lets an upload go on elsewhere.
 */
import type { FileRow } from "#store/files.ts";
import type { OrderRow } from "#store/orders.ts";
import { type OrderArchive, orderArchive } from "../../download/archive.ts";
import { safeName } from "../../download/zip/names.ts";

export type DeliveryArchive = { readonly name: string; readonly archive: OrderArchive };

export function deliveryArchive(
  order: OrderRow,
  o: { readonly correlationId: string; readonly files: readonly FileRow[]; readonly fileUrl: (id: number) => string },
): DeliveryArchive {
  const folders = new Set(o.files.map(folderOf));
  const [only] = folders;
  const stem = folders.size === 1 && only !== undefined ? only : safeName(`delivery-${o.correlationId}`);
  const archive = orderArchive({
    orderId: order.id,
    modified: order.createdAt,
    files: o.files,
    missing: new Set(),
    fileUrl: o.fileUrl,
    folder: folderOf,
  });
  return { name: `${stem}.zip`, archive };
}

function folderOf({ providerId, productVersion }: FileRow): string {
  return safeName(`${providerId}_${productVersion}`);
}
