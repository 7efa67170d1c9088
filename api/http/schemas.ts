/** What the answers look like, for the OpenAPI document. The handlers' types say the same to the compiler; a test holds the two together. */
import { type TSchema, Type } from "@sinclair/typebox";
import { FILE_STATES, ORDER_STATUSES, ORDERED_FILE_TYPES, ROLES } from "#crds/files.ts";
import { FileCounters, SubOrderCounters } from "#crds/order.ts";
import { FileSelectionDescription, ProcessDatasetDescription } from "../baskets/options.ts";
import { BasketSelectionRequest } from "../baskets/request.ts";
import { Basket } from "../baskets/schemas.ts";
import { MailPreviewRequest, MailTemplateRequest, MailTemplateView } from "../notify/mail/schemas.ts";
import {
  NewWebhook,
  Notification,
  ReplayRequest,
  Webhook,
  WebhookRequest,
  WebhookUpdate,
} from "../notify/webhooks/schemas.ts";
import { OrdersAction } from "../orders/bulk.ts";
import { OrderChange } from "../orders/extend.ts";
import { LabelRequest } from "../orders/label.ts";
import { SearchParameters } from "../orders/search-parameters.ts";

const time = (description: string) => Type.String({ format: "date-time", description });
const words = (values: readonly string[], description: string) =>
  Type.Unsafe<string>({ type: "string", enum: [...values], description });

export const Link = Type.Object(
  { rel: Type.String(), href: Type.String({ format: "uri" }) },
  {
    $id: "Link",
    examples: [{ rel: "self", href: "https://archive.example.org/api/v1/rs-order/user/orders/54" }],
  },
);

export const Problem = Type.Object(
  { messages: Type.Array(Type.String(), { description: "One line per thing that is wrong." }) },
  { $id: "Problem", examples: [{ messages: ["queries: list of queries should not be empty"] }] },
);

export const ProblemDetails = Type.Object(
  {
    type: Type.Literal("about:blank"),
    title: Type.String({ description: "What the status means." }),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    detail: Type.Optional(Type.String({ description: "The messages as one text; absent where there are none." })),
    instance: Type.String({ description: "Path of the request." }),
    messages: Type.Array(Type.String(), { description: "Those of the plain form." }),
    errors: Type.Optional(
      Type.Array(
        Type.Object({
          pointer: Type.String({ description: "The field of the body, as a JSON pointer in a fragment." }),
          detail: Type.String(),
        }),
      ),
    ),
  },
  {
    $id: "ProblemDetails",
    description: "RFC 9457; for clients that send `Accept: application/problem+json`.",
    examples: [
      {
        type: "about:blank",
        title: "Unprocessable Entity",
        status: 422,
        detail: "TOO_MANY_CHARACTERS_IN_LABEL",
        instance: "/api/v1/rs-order/user/orders",
        messages: ["TOO_MANY_CHARACTERS_IN_LABEL"],
        errors: [{ pointer: "#/label", detail: "TOO_MANY_CHARACTERS_IN_LABEL" }],
      },
    ],
  },
);

const RESPONSE = {
  status: words(["GRANTED", "DENIED", "FAILED"], "Whether there is an order."),
  correlationId: Type.String({ description: "The request's, or the one made for it." }),
  orderId: Type.Optional(Type.Integer({ description: "Number of the order, when there is one." })),
  message: Type.Optional(Type.String({ description: "Why not, in the contract's words." })),
  errorType: Type.Optional(
    words(
      ["INVALID_CONTENT", "FORBIDDEN", "ORDER_LIMIT_REACHED", "EMPTY_ORDER", "INTERNAL_ERROR"],
      "What kind of refusal.",
    ),
  ),
  errorCode: Type.Optional(Type.String({ description: "The same under the guides' name." })),
  errors: Type.Optional(Type.Integer({ description: "Number of validation errors." })),
};

export const OrderResponse = Type.Object(
  {
    ...RESPONSE,
    messages: Type.Optional(Type.Array(Type.String(), { description: "What exactly is wrong, line by line." })),
    content: Type.Object(RESPONSE, { description: "The same once more, wrapped." }),
    links: Type.Array(Type.Ref(Link)),
  },
  {
    $id: "OrderResponse",
    examples: [
      {
        orderId: 54,
        status: "GRANTED",
        correlationId: "my-request-1",
        content: { orderId: 54, status: "GRANTED", correlationId: "my-request-1" },
        links: [],
      },
    ],
  },
);

export const OrderDto = Type.Object(
  {
    id: Type.Integer(),
    owner: Type.String({ format: "email" }),
    label: Type.String({ maxLength: 50 }),
    creationDate: time("When it was asked for."),
    expirationDate: Type.Optional(time("When its files are given back; absent until they are known.")),
    percentCompleted: Type.Integer({ minimum: 0, maximum: 100 }),
    filesInErrorCount: Type.Integer(),
    availableFilesCount: Type.Integer({ description: "Files that can be downloaded and were not yet." }),
    status: words(ORDER_STATUSES, "How it stands."),
    statusDate: time("When the status last changed."),
    waitingForUser: Type.Boolean({ description: "Something is ready and was not downloaded." }),
    datasetTasks: Type.Array(
      Type.Object({
        id: Type.Integer(),
        datasetLabel: Type.String(),
        objectsCount: Type.Integer(),
        filesCount: Type.Integer({
          description: "Files to hand out. A run of a process is one until it has ended, then as many as it gave.",
        }),
        filesSize: Type.Integer({
          description: "Bytes of them; of a run of a process its inputs' until it has ended.",
        }),
      }),
    ),
    correlationId: Type.String(),
    message: Type.Optional(Type.String({ description: "How it stands or why it failed, for people." })),
    subOrders: SubOrderCounters,
  },
  {
    $id: "Order",
    examples: [
      {
        id: 54,
        owner: "ada@example.org",
        label: "Greenland in July",
        creationDate: "2026-03-01T10:00:00.000Z",
        expirationDate: "2026-03-08T10:00:00.000Z",
        percentCompleted: 50,
        filesInErrorCount: 0,
        availableFilesCount: 25,
        status: "RUNNING",
        statusDate: "2026-03-01T10:00:04.000Z",
        waitingForUser: true,
        datasetTasks: [{ id: 1, datasetLabel: "Landsat 8", objectsCount: 2, filesCount: 50, filesSize: 19_900_000 }],
        correlationId: "my-request-1",
        subOrders: { total: 2, waiting: 0, running: 1, succeeded: 1, failed: 0 },
      },
    ],
  },
);

export const SubOrder = Type.Object(
  {
    id: Type.Integer({ description: "What the contract calls the id of a files task." }),
    number: Type.Integer({ description: "From 1, within the order." }),
    datasetLabel: Type.String(),
    state: words(["Waiting", "Running", "Succeeded", "Failed"], "How it stands."),
    attempt: Type.Integer({ description: "From 1; the one that runs, or the last." }),
    reference: Type.Boolean({ description: "Its files stay where they are." }),
    files: FileCounters,
    bytes: Type.Integer(),
    message: Type.Optional(Type.String({ description: "Why it waits or failed, for people." })),
    notBefore: Type.Optional(time("Its source asked not to be asked before.")),
    startDate: Type.Optional(time("When its present attempt began.")),
    endDate: Type.Optional(time("When it ended.")),
    lastReportDate: Type.Optional(time("When a file of it last came or failed.")),
  },
  { $id: "SubOrder" },
);

export const ActionResults = Type.Object(
  {
    action: Type.String(),
    results: Type.Array(
      Type.Object({
        orderId: Type.Integer(),
        status: Type.Integer({ description: "What the action on this order alone would have been answered." }),
        messages: Type.Array(Type.String()),
      }),
    ),
    remaining: Type.Integer({ description: "Orders beyond the bound that the filter means too." }),
  },
  { $id: "ActionResults" },
);

const FILES_AND_BYTES = { files: Type.Integer(), bytes: Type.Integer() };
export const OrderPreview = Type.Object(
  {
    dryRun: Type.Literal(true),
    correlationId: Type.String(),
    orderId: Type.Optional(Type.Integer({ description: "The order that the same request made before." })),
    productsCount: Type.Integer(),
    filesCount: Type.Integer(),
    filesSize: Type.Integer({ description: "Bytes." }),
    references: Type.Object(FILES_AND_BYTES, { description: "Those of the files that stay where they are." }),
    subOrders: Type.Object(
      { toFetch: Type.Integer(), references: Type.Integer() },
      { description: "The least possible number of sub-orders." },
    ),
    datasets: Type.Array(
      Type.Object({
        datasetLabel: Type.String(),
        objectsCount: Type.Integer(),
        filesCount: Type.Integer(),
        filesSize: Type.Integer(),
      }),
    ),
    processes: Type.Optional(
      Type.Array(
        Type.Object({
          name: Type.String(),
          productsCount: Type.Integer(),
          filesCount: Type.Integer({ description: "Inputs." }),
          filesSize: Type.Integer({ description: "Bytes of these." }),
          runs: Type.Integer({
            description: "The least possible number; where a run is of one product, one for each.",
          }),
        }),
        { description: "What processes would be given, which is not among the files above." },
      ),
    ),
    quota: Type.Object(
      {
        files: Type.Integer({ description: "Files of the order that count." }),
        maxQuota: Type.Integer({ description: "-1: no limit." }),
        currentQuota: Type.Integer({ description: "Counted so far." }),
        remaining: Type.Optional(Type.Integer()),
        exceededBy: Type.Integer(),
      },
      { description: "What it means for the download quota." },
    ),
    estimate: Type.Optional(
      Type.Object(
        { seconds: Type.Integer(), bytesPerSecond: Type.Integer(), measuredSubOrders: Type.Integer() },
        { description: "By what was fetched in the last seven days, as if the Jobs were free at once." },
      ),
    ),
  },
  { $id: "OrderPreview" },
);

const FILE = {
  id: Type.Integer(),
  productId: Type.String({ description: "Provider id of the product." }),
  version: Type.Integer(),
  downloadUrl: Type.String({ format: "uri" }),
  mimeType: Type.String(),
  checksum: Type.Optional(Type.String()),
  filesize: Type.Optional(Type.Integer({ description: "Bytes." })),
  filename: Type.String(),
};
const FILE_EXAMPLE = {
  id: 1,
  productId: "LC08_L2SP_005009_20150710",
  version: 1,
  downloadUrl: "https://archive.example.org/api/v1/rs-order/orders/files/1",
  mimeType: "image/tiff",
  checksum: "9e107d9d372bb6826bd81d3542a419d6",
  filesize: 398_000,
  filename: "LC08_L2SP_005009_20150710_SR_B4.TIF",
};
export const AvailableFile = Type.Object(FILE, { $id: "AvailableFile", examples: [FILE_EXAMPLE] });
export const FlatAvailableFile = Type.Object(
  { ...FILE, fileSize: Type.Optional(Type.Integer()), uri: Type.String({ format: "uri" }) },
  {
    $id: "FlatAvailableFile",
    examples: [{ ...FILE_EXAMPLE, fileSize: FILE_EXAMPLE.filesize, uri: FILE_EXAMPLE.downloadUrl }],
  },
);

export const DataFile = Type.Object(
  {
    id: Type.Integer(),
    state: words(FILE_STATES, "How it stands."),
    orderId: Type.Integer(),
    filesTaskId: Type.Integer({ description: "Id of its sub-order." }),
    ipId: Type.String({ description: "URN of the product." }),
    url: Type.String({ format: "uri" }),
    uri: Type.String({ format: "uri" }),
    downloadError: Type.Optional(Type.String({ description: "Why it could not be had." })),
    productId: Type.String({ description: "Provider id of the product." }),
    version: Type.Integer(),
    dataType: words(ORDERED_FILE_TYPES, "Kind of file; `OTHER`: what a process gave."),
    reference: Type.Boolean({ description: "Its bytes are elsewhere." }),
    mimeType: Type.String(),
    checksum: Type.Optional(Type.String()),
    digestAlgorithm: Type.Optional(Type.String()),
    filesize: Type.Optional(Type.Integer({ description: "Bytes." })),
    filename: Type.String(),
  },
  { $id: "OrderDataFile" },
);

export const Token = Type.Object(
  {
    access_token: Type.String(),
    token_type: Type.Literal("bearer"),
    expires_in: Type.Integer({ description: "Seconds." }),
    tenant: Type.String(),
    scope: Type.String(),
    role: words(ROLES, "Role of the user."),
    sub: Type.String(),
    email: Type.String(),
    service_provider_name: Type.String(),
  },
  { $id: "Token" },
);

export const TokenRequest = Type.Object(
  {
    username: Type.String(),
    password: Type.String(),
    scope: Type.Optional(Type.String({ description: "The tenant." })),
    grant_type: Type.Optional(Type.Literal("password")),
  },
  {
    $id: "TokenRequest",
    examples: [{ grant_type: "password", username: "ada@example.org", password: "secret", scope: "default" }],
  },
);

export const Health = Type.Object({ status: words(["UP", "DOWN"], "Whether it works.") }, { $id: "Health" });

const Metadata = Type.Object({
  size: Type.Integer(),
  totalElements: Type.Integer(),
  totalPages: Type.Integer(),
  number: Type.Integer({ description: "From 0." }),
});

/** `{content, links}` around a component. */
export function wrapped(schema: TSchema): TSchema {
  return Type.Object({ content: Type.Ref(schema), links: Type.Array(Type.Ref(Link)) });
}

export function pageOf(item: TSchema): TSchema {
  return Type.Object({ metadata: Metadata, content: Type.Array(item), links: Type.Array(Type.Ref(Link)) });
}

/** What the document names under `components`. */
export const COMPONENTS: readonly TSchema[] = [
  Link,
  Problem,
  ProblemDetails,
  OrderResponse,
  OrderDto,
  LabelRequest,
  OrderChange,
  OrderPreview,
  OrdersAction,
  ActionResults,
  SubOrder,
  Basket,
  BasketSelectionRequest,
  FileSelectionDescription,
  ProcessDatasetDescription,
  AvailableFile,
  FlatAvailableFile,
  DataFile,
  SearchParameters,
  Token,
  TokenRequest,
  Health,
  WebhookRequest,
  WebhookUpdate,
  Webhook,
  NewWebhook,
  ReplayRequest,
  Notification,
  MailTemplateRequest,
  MailPreviewRequest,
  MailTemplateView,
];
