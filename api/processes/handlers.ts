/** The processes that the caller may have run: approved for the caller's role, ready, and for at least one dataset that the caller may see. */
import type { Access, Catalogue } from "#catalog/catalogue.ts";
import { type DatasetName, mayUse } from "#catalog/process/check-call.ts";
import { inputTypes } from "#catalog/process/limits.ts";
import { unreadiness } from "#catalog/process/readiness.ts";
import type { Process } from "#crds/process.ts";
import type { Transport } from "#kube/transport.ts";
import type { Handler } from "../http/call.ts";
import { json } from "../http/respond.ts";
import { processReader } from "./read.ts";

type ProcessDeps = { readonly transport: Transport; readonly catalogue: Catalogue };

export function listProcesses(deps: ProcessDeps): Handler {
  const read = processReader(deps.transport);
  return async ({ principal }) => {
    const usable = (await read()).filter((one) => mayUse(one, principal.role) && !unreadiness(one.spec));
    const datasets = await visibleDatasets(deps.catalogue, usable, principal);
    const shown = usable.flatMap((process) => processView(process, datasets));
    return json(
      200,
      shown.sort((a, b) => (a.name < b.name ? -1 : 1)),
    );
  };
}

/** Those of the datasets that the processes are for which the user may see: the others' names are nobody's business. */
async function visibleDatasets(
  catalogue: Catalogue,
  processes: readonly Process[],
  { email, role, groups }: Access,
): Promise<readonly DatasetName[]> {
  const names = [...new Set(processes.flatMap(({ spec }) => spec.datasets ?? []))];
  return names.length > 0 ? await catalogue.datasets(names, { access: { email, role, groups } }) : [];
}

function processView(process: Process, visible: readonly DatasetName[]) {
  const { metadata, spec } = process;
  const { title, description, scope, limits, parameters, deadlineSeconds } = spec;
  const datasets = spec.datasets?.filter((name) => visible.some(({ urn, label }) => urn === name || label === name));
  if (datasets?.length === 0) return [];
  return [
    {
      name: metadata.name,
      processBusinessId: metadata.uid ?? "",
      ...(title !== undefined && { title }),
      ...(description !== undefined && { description }),
      scope,
      inputs: inputTypes(process),
      ...(limits && { limits }),
      ...(parameters && { parameters }),
      ...(datasets && { datasets }),
      ...(deadlineSeconds !== undefined && { deadlineSeconds }),
    },
  ];
}
