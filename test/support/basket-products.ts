/** What a basket can be filled with: products in two datasets, with quicklooks, references, footprints. */
import type { Db } from "#store/db.ts";
import { addProduct, type TestProduct } from "./product.ts";

export type BasketProduct = TestProduct & {
  readonly quicklookBytes?: number;
  readonly reference?: boolean;
  readonly area?: string;
};

/** Adds each product; the first file is RAWDATA, the second, where it has a size, a quicklook. */
export async function addBasketProducts(db: Db, products: readonly BasketProduct[], now: Date): Promise<void> {
  for (const product of products) {
    await addProduct(db, product, now);
    const [{ id = 0 } = {}] = await db<{ id: number }[]>`SELECT id FROM products WHERE provider_id = ${product.name}`;
    if (product.reference) await db`UPDATE product_files SET reference = true WHERE product_id = ${id}`;
    if (product.area)
      await db`INSERT INTO footprints (product_id, area) VALUES (${id}, ${product.area}::text::polygon)`;
    const bytes = product.quicklookBytes;
    if (bytes === undefined) continue;
    await db`
      INSERT INTO product_files (product_id, position, type, filename, uri, mime_type, size)
      VALUES (${id}, 1, 'QUICKLOOK_SD', ${`${product.name}.png`}, ${`https://source.example.org/${product.name}.png`}, 'image/png', ${bytes})`;
    await db`
      UPDATE products SET type_files = '{1,1,0,0}', type_bytes = ARRAY[type_bytes[1], ${bytes}::bigint, 0, 0] WHERE id = ${id}`;
  }
}

/** The datasets of BasketServiceIT: 8, 8 and 4 products of 3003000, 2020202 and 1010101 bytes. */
export function datasetOf(
  label: string,
  o: { readonly products: number; readonly bytes: number },
): readonly BasketProduct[] {
  const each = Math.floor(o.bytes / o.products);
  return Array.from({ length: o.products }, (_, i) => ({
    name: `${label}-${i}`,
    dataset: label,
    bytes: i === 0 ? o.bytes - each * (o.products - 1) : each,
  }));
}
