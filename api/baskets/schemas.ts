/** What a basket looks like, for the OpenAPI document. */
import { Type } from "@sinclair/typebox";
import { FileSelectionDescription, ProcessDatasetDescription } from "./options.ts";

const TOTALS = {
  objectsCount: Type.Integer({ description: "Products." }),
  filesCount: Type.Integer({ description: "Their files, before any file filter." }),
  filesSize: Type.Integer({ description: "Bytes." }),
  quota: Type.Integer({ description: "Files that cost download quota: RAWDATA that are no references." }),
  fileTypesSummaryMap: Type.Record(
    Type.String(),
    Type.Object({ filesCount: Type.Integer(), filesSize: Type.Integer() }),
    { description: "By kind of file, and of each the references (`_ref`) and the others (`_!ref`)." },
  ),
};

const ItemsSelection = Type.Object({
  date: Type.String({ format: "date-time", description: "Names the selection within its dataset." }),
  selectionRequest: Type.Object(
    {
      engineType: Type.String(),
      datasetUrn: Type.Optional(Type.String()),
      searchParameters: Type.Optional(Type.Record(Type.String(), Type.Array(Type.String()))),
      entityIdsToInclude: Type.Optional(Type.Array(Type.String())),
      entityIdsToExclude: Type.Optional(Type.Array(Type.String())),
      selectionDate: Type.String({ format: "date-time", description: "Later products are not selected." }),
    },
    { description: "As it was asked for." },
  ),
  ...TOTALS,
});

const DatasetSelection = Type.Object({
  id: Type.Integer(),
  datasetIpid: Type.String({ description: "URN of the dataset." }),
  datasetLabel: Type.String(),
  ...TOTALS,
  itemsSelections: Type.Array(ItemsSelection, { description: "The oldest first." }),
  processDatasetDescription: Type.Optional(Type.Ref(ProcessDatasetDescription)),
  fileSelectionDescription: Type.Optional(Type.Ref(FileSelectionDescription)),
});

export const Basket = Type.Object(
  {
    id: Type.Integer(),
    owner: Type.String({ format: "email" }),
    quota: Type.Integer({ description: "Of all datasets." }),
    datasetSelections: Type.Array(DatasetSelection, {
      description: "By label, then URN. What several selections of a dataset have in common counts once.",
    }),
  },
  { $id: "Basket" },
);
