/** Whether a process can be ordered, as far as its spec alone tells. Pure, so that nobody has to wait until somebody has written it into the status. */
import { PROCESS_REASON } from "#crds/conditions.ts";
import type { ProcessSpec } from "#crds/process.ts";
import { ParameterSchemaError, parameterCheck } from "./parameters.ts";
import { resourcesProblem } from "./resources.ts";

export type Unready = { readonly reason: string; readonly message: string };

/** Why it cannot; undefined: it can. */
export function unreadiness({ parameters, resources }: ProcessSpec): Unready | undefined {
  try {
    parameterCheck(parameters);
  } catch (error) {
    if (!(error instanceof ParameterSchemaError)) throw error;
    return { reason: PROCESS_REASON.invalidParameters, message: `parameters: ${error.message}` };
  }
  const problem = resources && resourcesProblem(resources);
  return problem === undefined
    ? undefined
    : { reason: PROCESS_REASON.invalidResources, message: `resources.${problem}` };
}
