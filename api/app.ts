/** The service as one Elysia app: every operation of the table with its handler, over one tenant's database, blobs and namespace. */
import type { Elysia } from "elysia";
import type { Logger } from "pino";
import type { Catalogue } from "#catalog/catalogue.ts";
import type { Transport } from "#kube/transport.ts";
import type { BlobStore } from "#store/blobs/blob-store.ts";
import type { Db } from "#store/db.ts";
import type { Issuer } from "./auth/issuers.ts";
import { orderTokenKey } from "./auth/order-tokens.ts";
import { tokenEndpoint } from "./auth/token-endpoint.ts";
import { tokenKey } from "./auth/tokens.ts";
import { tokenVerifier } from "./auth/verify.ts";
import {
  addBasketSelection,
  emptyBasket,
  getBasket,
  removeBasketDataset,
  removeBasketItem,
  updateBasketFileFilters,
  updateBasketProcessing,
  uploadBasketSelection,
} from "./baskets/handlers.ts";
import { planCache } from "./download/archives.ts";
import { downloadFile } from "./download/download-file.ts";
import { downloadOrder } from "./download/download-order.ts";
import { downloadPublicFile } from "./download/public-file.ts";
import { downloadPublicOrder } from "./download/public-order.ts";
import { quotaGate } from "./download/quota-gate.ts";
import { referenceOpener } from "./download/references.ts";
import { changeHub } from "./events/change-hub.ts";
import { orderEvents } from "./events/handlers.ts";
import { listDatasetFiles } from "./files/dataset-files.ts";
import { fileUrl, listAvailableFiles, listAvailableFilesFlat, listSubOrderFiles } from "./files/handlers.ts";
import { listOrderFiles, listSubOrders } from "./files/order-files.ts";
import { healthz, readyz } from "./http/health.ts";
import { openapiDocument } from "./http/openapi.ts";
import { openapiPage, PAGE_POLICY } from "./http/openapi-page.ts";
import type { HttpAnswer } from "./http/request-log.ts";
import { json, respond } from "./http/respond.ts";
import { type Handlers, router } from "./http/router.ts";
import { orderMetalink, publicMetalink } from "./metalink/handlers.ts";
import { mailHandlers } from "./notify/mail/handlers.ts";
import { webhookHandlers } from "./notify/webhooks/handlers.ts";
import type { OnAccepted } from "./orders/accept.ts";
import { orderAction } from "./orders/actions.ts";
import { actOnOrders } from "./orders/bulk.ts";
import { changeOrder } from "./orders/extend.ts";
import { applicationHours, orderFromBasket, userHours } from "./orders/from-basket.ts";
import { applyOrder, getOrder, listOrders } from "./orders/handlers.ts";
import { removeOrder } from "./orders/remove.ts";
import { restartOrder } from "./orders/restart.ts";
import { reportAllOrders, searchAllOrders } from "./orders/search.ts";
import { listProcesses } from "./processes/handlers.ts";
import { quotaHandlers } from "./quotas/handlers.ts";
import { serviceHandlers } from "./service/handlers.ts";

export type ApiConfig = {
  readonly tenant: string;
  /** Where clients reach the service, without the prefix and without a slash at its end: links start with it. */
  readonly publicUrl: string;
  /** Path of the order service, e.g. `/api/v1/rs-order`. */
  readonly prefix: string;
  readonly jwtSecret: string;
  /** Issuers whose tokens are taken beside those of the platform. */
  readonly issuers?: readonly Issuer[];
  /** How long a token of the token endpoint is good; two hours unless told. */
  readonly tokenSeconds?: number;
  /** Shown in the OpenAPI document and in an exported configuration. */
  readonly version?: string;
};

export type ApiDeps = {
  readonly db: Db;
  readonly transport: Transport;
  readonly catalogue: Catalogue;
  readonly blobs: BlobStore;
  readonly config: ApiConfig;
  readonly now: () => Date;
  readonly logger: Logger;
  /** Aborts when the service is about to stop: what has no end of its own ends then. */
  readonly stopping?: AbortSignal;
  /** ORDER_SOURCE_S3_*: where `s3:` references lie. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Hears of each accepted request; for traces. */
  readonly onAccepted?: OnAccepted;
  /** Hears of each answer; for metrics. */
  readonly onAnswer?: (answer: HttpAnswer) => void;
};

const TOKEN_SECONDS = 7_200;

export function createApi(deps: ApiDeps): Elysia {
  const { db, now, logger, config } = deps;
  const key = tokenKey(config.tenant, config.jwtSecret);
  const verify = tokenVerifier(key, { issuers: config.issuers ?? [], now, logger });
  const routed = { db, tenant: config.tenant, verify, logger, prefix: config.prefix };
  return router({ ...routed, ...(deps.onAnswer && { onAnswer: deps.onAnswer }) }, handlers(deps, key));
}

function handlers(deps: ApiDeps, key: ReturnType<typeof tokenKey>): Handlers {
  const { db, blobs, now, logger, config } = deps;
  const { publicUrl } = config;
  const base = publicUrl + config.prefix;
  const version = config.version ?? "0.0.0";
  const document = openapiDocument({ prefix: config.prefix, publicUrl, version });
  const gate = quotaGate({ db, now, logger });
  const plans = planCache();
  const references = () => referenceOpener({ db, now, env: deps.env ?? {} });
  const downloads = { db, blobs, now, logger, gate, references };
  const archive = downloadOrder({ ...downloads, plans, fileUrl: (id) => fileUrl(base, id) });
  const file = downloadFile(downloads);
  const orderTokens = orderTokenKey(config.tenant, config.jwtSecret);
  const publicFile = downloadPublicFile({ ...downloads, orderTokens });
  const links = { db, orderTokens, base, now, logger };
  const publicArchive = downloadPublicOrder(links, archive);
  return {
    getBasket: getBasket(deps),
    emptyBasket: emptyBasket(deps),
    addBasketSelection: addBasketSelection(deps),
    uploadBasketSelection: uploadBasketSelection(deps),
    removeBasketDataset: removeBasketDataset(deps),
    removeBasketItem: removeBasketItem(deps),
    updateBasketProcessing: updateBasketProcessing(deps),
    updateBasketFileFilters: updateBasketFileFilters(deps),
    orderBasket: orderFromBasket({ ...deps, base }, userHours),
    orderBasketForApplication: orderFromBasket({ ...deps, base }, applicationHours),
    restartOrder: restartOrder({ ...deps, base }),
    applyOrder: applyOrder(deps),
    listOrders: listOrders({ db, base }),
    getOrder: getOrder({ db, base }),
    pauseOrder: orderAction(deps, "pause"),
    resumeOrder: orderAction(deps, "resume"),
    retryOrder: orderAction(deps, "retry"),
    cancelOrder: orderAction(deps, "cancel"),
    deleteOrder: orderAction(deps, "delete"),
    changeOrder: changeOrder({ ...deps, base }),
    actOnOrders: actOnOrders(deps),
    orderEvents: orderEvents({ ...deps, hub: changeHub(db) }),
    downloadPublicOrder: publicArchive,
    headPublicOrder: publicArchive,
    downloadOrder: archive,
    headOrderDownload: archive,
    listAvailableFilesFlat: listAvailableFilesFlat({ db, base }),
    listOrderFiles: listOrderFiles({ db, base }),
    listSubOrders: listSubOrders({ db, base }),
    listAvailableFiles: listAvailableFiles({ db, base }),
    listSubOrderFiles: listSubOrderFiles({ db, base }),
    downloadFile: file,
    headFile: file,
    listDatasetFiles: listDatasetFiles({ db, base }),
    downloadPublicFile: publicFile,
    headPublicFile: publicFile,
    removeOrder: removeOrder(deps),
    orderMetalink: orderMetalink(links),
    publicMetalink: publicMetalink(links),
    searchAllOrders: searchAllOrders({ db, base }),
    reportAllOrders: reportAllOrders({ db, base, logger }),
    listProcesses: listProcesses(deps),
    ...quotaHandlers({ db, now }),
    ...webhookHandlers({ db, base, now }),
    ...mailHandlers({ db, orderTokens, tenant: config.tenant, publicUrl, base, now }),
    ...serviceHandlers({ db, base, tenant: config.tenant, version, now, logger }),
    issueToken: tokenEndpoint({ db, tokenKey: key, tokenSeconds: config.tokenSeconds ?? TOKEN_SECONDS, now }),
    openapiDocument: () => json(200, document),
    openapiPage: () =>
      respond(200, openapiPage(document), {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": PAGE_POLICY,
      }),
    healthz: healthz(),
    readyz: readyz(db),
  };
}
