/**
 * The archive of a delivery: a folder for each product, named after it and its version. With one product only the archive has its name. The same files
 * give the same bytes, whoever makes them: that is what lets an upload go on elsewhere.
 */

import { safeName, uniqueNames } from "#store/file-names.ts";
import type { FileRow } from "#store/files.ts";
import type { OrderRow } from "#store/orders.ts";
import { type OrderArchive, orderArchive } from "../../download/archive.ts";
import type { Place } from "../../download/layout.ts";

export type DeliveryArchive = { readonly name: string; readonly archive: OrderArchive };

export function deliveryArchive(
  order: OrderRow,
  o: { readonly correlationId: string; readonly files: readonly FileRow[]; readonly fileUrl: (id: number) => string },
): DeliveryArchive {
  const folders = new Set(o.files.map(folderOf));
  const [only] = folders;
  const stem = folders.size === 1 && only !== undefined ? only : safeName(`delivery-${o.correlationId}`);
  const place = placing();
  const archive = orderArchive({
    orderId: order.id,
    variant: { layout: "product" },
    parts: undefined,
    modified: order.createdAt,
    members: o.files.map((file) => ({ file, place: place(file) })),
    missing: new Set(),
    fileUrl: o.fileUrl,
    withoutReferences: true,
  });
  return { name: `${stem}.zip`, archive };
}

function placing(): (file: FileRow) => Place {
  const names = new Map<string, (name: string) => string>();
  return (file) => {
    const folder = `${folderOf(file)}/`;
    const unique = names.get(folder) ?? uniqueNames();
    names.set(folder, unique);
    return { folder, name: folder + unique(safeName(file.filename)), part: 1 };
  };
}

function folderOf({ providerId, productVersion }: FileRow): string {
  return safeName(`${providerId}_${productVersion}`);
}
