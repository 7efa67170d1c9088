/** `order apply`: orders in one go what queries find, and if wished waits and fetches it. */

import { readFileSync } from "node:fs";
import { Command, InvalidArgumentError, Option } from "commander";
import { isFinal } from "#crds/files.ts";
import { type Downloaded, downloadOrder } from "../../download/order-archive.ts";
import { Failure } from "../../failure.ts";
import { counted } from "../../output/human.ts";
import { bytes, client, printJson } from "./common.ts";
import { DOWNLOAD_CODES, refuseIncomplete, tellDownloaded } from "./download.ts";
import { followOrder } from "./follow.ts";
import { describePreview } from "./preview.ts";

type Options = {
  readonly query?: readonly string[];
  readonly geometry?: string;
  readonly bbox?: string;
  readonly circle?: Circle;
  readonly type?: readonly string[];
  readonly namePattern?: string;
  readonly process?: string;
  readonly parameter?: readonly string[];
  readonly label?: string;
  readonly correlationId?: string;
  readonly sizeLimit?: number;
  readonly dryRun?: boolean;
  readonly wait?: boolean;
  readonly download?: string;
  readonly json?: boolean;
};

const TYPES = ["RAWDATA", "QUICKLOOK"];

const EXAMPLES = `
Examples:
  $ regards-order order apply --query 'platform:"landsat-8" AND eo:cloud_cover:[0 TO 60]' --type RAWDATA
  $ regards-order order apply --query 'name:LC08*' --name-pattern '.*_B[234]\\.TIF' --wait --download bands.zip
  $ regards-order order apply --query 'platform:sentinel-2' --bbox 0,40,10,50 --dry-run
  $ regards-order order apply --query 'productId:"P1"' --correlation-id nightly-7     # the same order if run again`;

export function applyCommand(): Command {
  return new Command("apply")
    .description("Order all products that at least one of the queries finds, within the area if there is one.")
    .option("--query <query>", "which products (repeat it for the union)", collect)
    .option("--geometry <area>", "only products that meet this area: WKT, GeoJSON, or @FILE with either", areaText)
    .option("--bbox <w,s,e,n>", "the same for a box, in degrees")
    .option("--circle <lat,lon,metres>", "the same for a circle", circle)
    .addOption(
      new Option("--type <kind>", "only files of this kind (repeatable)").choices(TYPES).argParser(collectOf(TYPES)),
    )
    .option("--name-pattern <regex>", "only files whose whole name matches")
    .option("--process <name>", "have this process run on the files, and deliver what it gives (process list)")
    .option("--parameter <name=value>", "a parameter of the process (repeatable)", collect)
    .option("--label <text>", "name of the order, at most 50 characters, unique among yours")
    .option("--correlation-id <id>", "the same request with the same id is the same order, however often it is sent")
    .option("--size-limit <bytes>", "refuse the order when it is larger; 500M and the like are understood", bytes)
    .option("--dry-run", "say what would be ordered, and order nothing")
    .option("--wait", "wait until the order has ended, with a progress bar")
    .option("--download <file>", "wait, then fetch the archive and verify it")
    .option("--json", "print the answer as JSON")
    .addHelpText("after", `${DOWNLOAD_CODES}\n${EXAMPLES}`)
    .action(apply);
}

async function apply(options: Options): Promise<void> {
  const rest = client();
  if (options.dryRun) {
    const preview = await rest.preview(requestBody(options));
    if (options.json) printJson(preview);
    else process.stdout.write(`${describePreview(preview)}\n`);
    return;
  }
  const applied = await rest.apply(requestBody(options));
  if (options.json) printJson(applied);
  else process.stdout.write(`order ${applied.orderId} ${applied.status} (correlation id ${applied.correlationId})\n`);
  if (!options.wait && options.download === undefined) return;
  const ended = await followOrder(rest, applied.orderId, { until: (order) => isFinal(order.status) });
  const archives: Downloaded[] = [];
  if (options.download !== undefined && ended.availableFilesCount > 0) {
    archives.push(await downloadOrder(rest, applied.orderId, { path: options.download }));
  }
  archives.forEach(tellDownloaded);
  if (ended.status !== "DONE") {
    const failed = ended.filesInErrorCount > 0 ? `, ${counted(ended.filesInErrorCount, "file")} could not be had` : "";
    throw new Failure(`Order ${applied.orderId} ended as ${ended.status}${failed}${reason(ended.message)}`);
  }
  refuseIncomplete(applied.orderId, archives);
}

const reason = (message: string | undefined) => (message ? `: ${message}` : "");

function requestBody(options: Options): unknown {
  checkCombination(options);
  const { query, geometry, bbox, type, namePattern } = options;
  if (options.process !== undefined) return { selections: processed(options.process, options), ...named(options) };
  return {
    ...(query !== undefined && { queries: query }),
    ...(geometry !== undefined && { geometry }),
    ...(bbox !== undefined && { bbox }),
    ...(options.circle !== undefined && { circle: options.circle }),
    ...((type !== undefined || namePattern !== undefined) && {
      filters: { dataTypes: type ?? TYPES, ...(namePattern !== undefined && { filenameRegExp: namePattern }) },
    }),
    ...named(options),
  };
}

function checkCombination(options: Options): void {
  const { query, geometry, bbox, circle } = options;
  const areas = [geometry, bbox, circle].filter((area) => area !== undefined);
  if (areas.length > 1) throw new Failure("Give one of --geometry, --bbox and --circle");
  if (query === undefined && areas.length === 0) throw new Failure("Say what to order: --query, or an area");
  if (options.process === undefined) {
    if (options.parameter) throw new Failure("Give --parameter together with --process");
    return;
  }
  if (options.type ?? options.namePattern) throw new Failure("Give either --process, or --type and --name-pattern");
  if (bbox ?? circle) throw new Failure("With --process give the area as --geometry");
}

function named({ label, correlationId, sizeLimit }: Options): object {
  return {
    ...(label !== undefined && { label }),
    ...(correlationId !== undefined && { correlationId }),
    ...(sizeLimit !== undefined && { sizeLimitInBytes: sizeLimit }),
  };
}

/** A selection for each query, within the area if there is one, and each with the process. */
function processed(name: string, { query = [], geometry, parameter = [] }: Options): readonly object[] {
  const parameters = Object.fromEntries(
    parameter.map((text) => {
      const at = text.indexOf("=");
      if (at < 1) throw new Failure(`Cannot read --parameter '${text}': expected name=value`);
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
  const common = {
    ...(geometry !== undefined && { geometry }),
    process: { name, ...(parameter.length > 0 && { parameters }) },
  };
  return query.length > 0 ? query.map((one) => ({ query: one, ...common })) : [common];
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

function collectOf(allowed: readonly string[]) {
  return (value: string, before: readonly string[] = []): readonly string[] => {
    if (!allowed.includes(value)) throw new InvalidArgumentError(`Allowed are ${allowed.join(", ")}.`);
    return [...before, value];
  };
}

type Circle = { readonly lat: number; readonly lon: number; readonly r: number };

function circle(text: string): Circle {
  const [lat = Number.NaN, lon = Number.NaN, r = Number.NaN, ...more] = text.split(",").map(Number);
  if (more.length > 0 || [lat, lon, r].some(Number.isNaN)) {
    throw new InvalidArgumentError("Latitude, longitude and metres are needed, e.g. 48.1,11.6,50000.");
  }
  return { lat, lon, r };
}

function areaText(text: string): string {
  if (!text.startsWith("@")) return text;
  try {
    return readFileSync(text.slice(1), "utf8").trim();
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
}
