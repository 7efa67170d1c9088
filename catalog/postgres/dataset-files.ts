/** The files of datasets themselves, of those that the user may access. */
import { withoutNulls } from "#store/db.ts";
import type { DatasetFiles, FoundFile } from "../catalogue.ts";
import type { Session } from "./session.ts";

type FileRow = FoundFile & { readonly datasetId: number };

export async function filesOfDatasets(session: Session, urns: readonly string[]): Promise<readonly DatasetFiles[]> {
  const datasets = session.datasets.filter(({ urn }) => urns.includes(urn)).sort((a, b) => (a.urn < b.urn ? -1 : 1));
  if (datasets.length === 0) return [];
  const rows = await session.sql<FileRow[]>`
    SELECT dataset_id, type, filename, uri, mime_type, size, checksum, algorithm, reference
    FROM dataset_files WHERE dataset_id = ANY(${datasets.map(({ id }) => id)}::integer[]) ORDER BY dataset_id, position`;
  const byDataset = Map.groupBy(rows, ({ datasetId }) => datasetId);
  return datasets.flatMap(({ id, urn, label }) => {
    const files = byDataset.get(id)?.map(({ datasetId: _, ...file }) => withoutNulls<FoundFile>(file));
    return files ? [{ dataset: { urn, label }, files }] : [];
  });
}
