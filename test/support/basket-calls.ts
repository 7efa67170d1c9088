/** Baskets as their routes answer them, for tests. */
import { expect } from "bun:test";

type Item = { date: string; selectionRequest: Record<string, unknown>; objectsCount: number; quota: number };
type Dataset = {
  id: number;
  datasetIpid: string;
  datasetLabel: string;
  objectsCount: number;
  filesCount: number;
  filesSize: number;
  quota: number;
  itemsSelections: Item[];
  fileTypesSummaryMap: Record<string, { filesCount: number; filesSize: number }>;
  processDatasetDescription?: object;
  fileSelectionDescription?: object;
};
export type AnsweredBasket = { id: number; owner: string; quota: number; datasetSelections: Dataset[] };

/** The basket of an answer that must have one. */
export async function basketOf(response: Response): Promise<AnsweredBasket> {
  expect(response.status).toBe(200);
  const body = (await response.json()) as { content: AnsweredBasket; links: unknown[] };
  expect(body.links).toEqual([]);
  return body.content;
}

/** Label, products and bytes of each dataset. */
export function counts({ datasetSelections }: AnsweredBasket): readonly (readonly [string, number, number])[] {
  return datasetSelections.map((one) => [one.datasetLabel, one.objectsCount, one.filesSize]);
}

/** Status and messages of a refusal. */
export async function told(response: Response): Promise<[number, string[]]> {
  return [response.status, ((await response.json()) as { messages: string[] }).messages];
}
