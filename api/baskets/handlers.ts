/** The basket over REST (B1–B8). It is always the caller's own: no route names a user. */
import { parseDate } from "#catalog/query/dates.ts";
import { type Basket, type BasketDataset, type DatasetChange, deleteBasket, findBasket } from "#store/baskets.ts";
import { readSettings } from "#store/settings.ts";
import { type Call, type Handler, idParam } from "../http/call.ts";
import { HttpProblem } from "../http/problem.ts";
import { json, respond, wrap } from "../http/respond.ts";
import { findProcess, processReader } from "../processes/read.ts";
import { refuseCall, refuseDataset } from "../processes/refuse.ts";
import { addSelections, type BasketDeps } from "./add.ts";
import { type Change, changeBasket, nothingThere, unchanged } from "./change.ts";
import { basketDto } from "./dto.ts";
import { measure } from "./measure.ts";
import { bothProblem, parseFileFilter, parseProcess } from "./options.ts";
import { parseSelectionRequest } from "./request.ts";
import { selectionsOfIds, uploadedIds } from "./upload.ts";

function shown(basket: Basket | undefined): Response {
  if (!basket) throw nothingThere();
  return json(200, wrap(basketDto(basket)));
}

/** B1. */
export function getBasket({ db }: BasketDeps): Handler {
  return async ({ principal }) => shown(await findBasket(db, principal.email));
}

/** B2. */
export function emptyBasket({ db }: BasketDeps): Handler {
  return async ({ principal }) => {
    await deleteBasket(db, principal.email);
    return respond(204, null);
  };
}

/** B3. */
export function addBasketSelection(deps: BasketDeps): Handler {
  return async ({ principal, body }) =>
    shown(await addSelections(deps, principal, [parseSelectionRequest(body, deps.now())]));
}

/** B4. */
export function uploadBasketSelection(deps: BasketDeps): Handler {
  return async ({ principal, request }) => {
    const { basket_upload_max_lines: maxLines } = await readSettings(deps.db);
    const ids = await uploadedIds(request, maxLines);
    return shown(await addSelections(deps, principal, selectionsOfIds(ids, deps.now())));
  };
}

/** B5. One that is not there is as good as removed. */
export function removeBasketDataset(deps: BasketDeps): Handler {
  return (call) =>
    change(deps, call, async (basket) => {
      const dataset = datasetOf(basket, call);
      return dataset && { remove: [dataset.id] };
    });
}

/** B6. The last selection of a dataset takes the dataset with it. */
export function removeBasketItem(deps: BasketDeps): Handler {
  return (call) => {
    const date = dateParam(call);
    return change(deps, call, async (basket) => {
      const dataset = datasetOf(basket, call);
      const rest = dataset?.items.filter((item) => item.date.getTime() !== date.getTime());
      if (!dataset || !rest || rest.length === dataset.items.length) return undefined;
      if (rest.length === 0) return { remove: [dataset.id] };
      const { catalogue, now } = deps;
      const selections = rest.map(({ selection }) => selection);
      const totals = await measure({ catalogue, principal: call.principal, now: now() }).totals(
        dataset.urn,
        selections,
      );
      return { put: [{ ...unchanged(dataset), totals, removed: [date] }] };
    });
  };
}

/** B7. */
export function updateBasketProcessing(deps: BasketDeps): Handler {
  return async (call) => {
    const wanted = parseProcess(call.body);
    const process = wanted && findProcess(await processReader(deps.transport)(), wanted.processBusinessId);
    return changeDataset(deps, call, (dataset) => {
      const { process: _before, ...rest } = unchanged(dataset);
      if (!wanted) return rest;
      if (dataset.fileFilter) throw bothProblem();
      if (!process) throw new HttpProblem(404, [`Process '${wanted.processBusinessId}' does not exist`]);
      const { processBusinessId, parameters = {} } = wanted;
      const { name } = process.metadata;
      refuseCall(process, { call: { name, parameters }, role: call.principal.role });
      refuseDataset(process, dataset);
      return { ...rest, process: { processBusinessId, name, parameters } };
    });
  };
}

/** B8. */
export function updateBasketFileFilters(deps: BasketDeps): Handler {
  return async (call) => {
    const fileFilter = parseFileFilter(call.body);
    return changeDataset(deps, call, (dataset) => {
      if (fileFilter && dataset.process) throw bothProblem();
      const { fileFilter: _before, ...rest } = unchanged(dataset);
      return { ...rest, ...(fileFilter && { fileFilter }) };
    });
  };
}

/** 404 for a dataset that is not in the basket. */
function changeDataset(deps: BasketDeps, call: Call, to: (dataset: BasketDataset) => DatasetChange): Promise<Response> {
  return change(deps, call, async (basket) => {
    const dataset = datasetOf(basket, call);
    if (!dataset) {
      throw new HttpProblem(404, [`Dataset selection ${idParam(call, "datasetSelectionId")} does not exist`]);
    }
    return { put: [to(dataset)] };
  });
}

/** 204 without a basket. */
async function change(
  deps: BasketDeps,
  call: Call,
  plan: (basket: Basket) => Promise<Change | undefined>,
): Promise<Response> {
  const changed = await changeBasket(deps.db, call.principal.email, async (basket) => {
    if (!basket) throw nothingThere();
    return plan(basket);
  });
  return shown(changed);
}

function datasetOf(basket: Basket, call: Call): BasketDataset | undefined {
  const id = idParam(call, "datasetSelectionId");
  return basket.datasets.find((dataset) => dataset.id === id);
}

function dateParam(call: Call): Date {
  const text = call.params["itemsSelectionDate"] ?? "";
  const start = text.length < 11 ? undefined : parseDate(text)?.start;
  if (start === undefined) {
    throw new HttpProblem(422, [
      `itemsSelectionDate: expected a date such as '2007-12-03T10:15:30Z', got '${text.slice(0, 64)}'`,
    ]);
  }
  return new Date(start);
}
