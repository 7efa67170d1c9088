/**
 * Whether a process's `resources` are something that a container can have: names and quantities as Kubernetes reads them, no request over its limit.
 * Kubernetes says so itself only when the first Job is made, which is too late for whoever ordered.
 */
import type { ProcessSpec } from "#crds/process.ts";

const NAME =
  /^(cpu|memory|ephemeral-storage|hugepages-[1-9]\w*|([a-z0-9]([-a-z0-9.]*[a-z0-9])?)\/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)$/;
const QUANTITY = /^(\d+(?:\.\d*)?|\.\d+)(?:([numkMGTPE]|[KMGTPE]i)|[eE]([-+]?\d{1,2}))?$/;
const FACTORS: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** The first thing that is wrong: the field and what was expected. */
export function resourcesProblem({
  requests = {},
  limits = {},
}: NonNullable<ProcessSpec["resources"]>): string | undefined {
  const problems = [
    ...Object.entries(requests).map(([name, quantity]) => entryProblem(`requests.${name}`, { name, quantity })),
    ...Object.entries(limits).map(([name, quantity]) => entryProblem(`limits.${name}`, { name, quantity })),
    ...Object.entries(requests).map(([name, quantity]) => {
      const limit = Object.hasOwn(limits, name) ? limits[name] : undefined;
      const isOver = limit !== undefined && (amountOf(quantity) ?? 0) > (amountOf(limit) ?? 0);
      return isOver ? `requests.${name}: expected at most the limit '${limit}', got '${quantity}'` : undefined;
    }),
  ];
  return problems.find((problem) => problem !== undefined);
}

function entryProblem(field: string, { name, quantity }: { name: string; quantity: string }): string | undefined {
  if (!NAME.test(name))
    return `${field}: expected cpu, memory, ephemeral-storage or a resource such as 'nvidia.com/gpu'`;
  if (amountOf(quantity) !== undefined) return undefined;
  return `${field}: expected a quantity such as '500m' or '2Gi', got '${quantity}'`;
}

function amountOf(quantity: string): number | undefined {
  const [, digits, suffix, exponent] = QUANTITY.exec(quantity) ?? [];
  if (digits === undefined) return undefined;
  return Number(digits) * (suffix ? (FACTORS[suffix] ?? 1) : 10 ** Number(exponent ?? 0));
}
