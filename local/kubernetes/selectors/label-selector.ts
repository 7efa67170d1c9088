/** Label selectors as text: `a=b, c!=d, e in (x,y), f notin (z), g, !h` (all must hold). */
import { badRequest } from "../status.ts";

export type Requirement = {
  readonly key: string;
  readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist" | "GreaterThan" | "LessThan";
  readonly values: readonly string[];
};

const KEY = "[A-Za-z0-9][-A-Za-z0-9_./]*";
const SET = new RegExp(`^(${KEY})\\s+(in|notin)\\s*\\(([^()]*)\\)$`);
const EQUALITY = new RegExp(`^(${KEY})\\s*(==|=|!=)\\s*([-A-Za-z0-9_.]*)$`);
const ORDER = new RegExp(`^(${KEY})\\s*([<>])\\s*(\\d+)$`);
const EXISTENCE = new RegExp(`^(!?)\\s*(${KEY})$`);

/** Splits at commas outside of parentheses. */
function clauses(text: string): readonly string[] {
  return text.split(/,(?![^(]*\))/).map((clause) => clause.trim());
}

function setClause(clause: string): Requirement | undefined {
  const match = SET.exec(clause);
  if (!match) return undefined;
  const [, key = "", word, list = ""] = match;
  return { key, operator: word === "in" ? "In" : "NotIn", values: list.split(",").map((value) => value.trim()) };
}

function equalityClause(clause: string): Requirement | undefined {
  const match = EQUALITY.exec(clause);
  if (!match) return undefined;
  const [, key = "", sign, value = ""] = match;
  return { key, operator: sign === "!=" ? "NotIn" : "In", values: [value] };
}

function orderClause(clause: string): Requirement | undefined {
  const match = ORDER.exec(clause);
  if (!match) return undefined;
  const [, key = "", sign, value = ""] = match;
  return { key, operator: sign === ">" ? "GreaterThan" : "LessThan", values: [value] };
}

function existenceClause(clause: string): Requirement {
  const match = EXISTENCE.exec(clause);
  if (!match) throw badRequest(`unable to parse requirement: found '${clause}'`);
  const [, not, key = ""] = match;
  return { key, operator: not === "!" ? "DoesNotExist" : "Exists", values: [] };
}

function parseClause(clause: string): Requirement {
  return setClause(clause) ?? equalityClause(clause) ?? orderClause(clause) ?? existenceClause(clause);
}

export function parseLabelSelector(text: string): readonly Requirement[] {
  return text.trim() === "" ? [] : clauses(text).map(parseClause);
}

function holds(requirement: Requirement, value: string | undefined): boolean {
  switch (requirement.operator) {
    case "In":
      return value !== undefined && requirement.values.includes(value);
    case "NotIn":
      return value === undefined || !requirement.values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    case "GreaterThan":
      return value !== undefined && Number(value) > Number(requirement.values[0]);
    case "LessThan":
      return value !== undefined && Number(value) < Number(requirement.values[0]);
    default:
      throw new Error(requirement.operator satisfies never);
  }
}

export function matchesLabels(
  requirements: readonly Requirement[],
  labels: Readonly<Record<string, string>> | undefined,
): boolean {
  return requirements.every((requirement) => holds(requirement, labels?.[requirement.key]));
}
