/**
 * The language of mail templates, a part of Mustache: `{{name}}` is a value, `{{#name}}…{{/name}}` stands there for each element of a list or
 * once where there is a value, `{{^name}}…{{/name}}` where there is none. Parsed once, with the place of what is wrong; rendering cannot fail.
 */

export type TemplateNode =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "value"; readonly name: string }
  | {
      readonly kind: "section";
      readonly name: string;
      readonly when: "present" | "absent";
      readonly nodes: readonly TemplateNode[];
    };

export type Values = { readonly [name: string]: string | readonly Values[] | undefined };

/** Names of values, and of lists with those of their elements. */
export type Names = { readonly [name: string]: "value" | Names };

/** What is wrong with a template, and in which line. */
export class TemplateError extends Error {
  override readonly name = "TemplateError";
}

type Token =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "value" | "open" | "absent" | "close"; readonly name: string; readonly line: number };

const TAG = /\{\{([#^/]?)\s*([^{}]*?)\s*\}\}|\{\{/g;
const KINDS = { "": "value", "#": "open", "^": "absent", "/": "close" } as const;

function tokensOf(source: string): readonly Token[] {
  const tokens: Token[] = [];
  let end = 0;
  for (const match of source.matchAll(TAG)) {
    const [tag, sign = "", name] = match;
    const line = source.slice(0, match.index).split("\n").length;
    if (name === undefined) throw new TemplateError(`line ${line}: expected '}}' after '{{'`);
    if (match.index > end) tokens.push({ kind: "text", text: source.slice(end, match.index) });
    tokens.push({ kind: KINDS[sign as keyof typeof KINDS], name, line });
    end = match.index + tag.length;
  }
  return [...tokens, { kind: "text", text: source.slice(end) }];
}

/** The template with only known names in it, or a TemplateError. */
export function parseTemplate(source: string, names: Names): readonly TemplateNode[] {
  const tokens = tokensOf(source)[Symbol.iterator]();
  return nodesUntil(tokens, names, undefined);
}

type Section = { readonly name: string; readonly line: number };

/** Up to the end of this section, or of the template. */
function nodesUntil(tokens: Iterator<Token>, names: Names, section: Section | undefined): readonly TemplateNode[] {
  const nodes: TemplateNode[] = [];
  for (let next = tokens.next(); !next.done; next = tokens.next()) {
    const token = next.value;
    if (token.kind === "text") nodes.push(token);
    else if (token.kind !== "close") nodes.push(nodeOf(tokens, names, token));
    else if (token.name === section?.name) return nodes;
    else {
      const wanted = section ? `, expected '{{/${section.name}}}'` : "";
      throw new TemplateError(`line ${token.line}: '{{/${token.name.slice(0, 64)}}}' closes nothing${wanted}`);
    }
  }
  if (section) throw new TemplateError(`line ${section.line}: '${section.name}' is not closed`);
  return nodes;
}

type Tag = Exclude<Token, { kind: "text" }>;

function nodeOf(tokens: Iterator<Token>, names: Names, { kind, name, line }: Tag): TemplateNode {
  const meaning = meaningOf(names, name, line);
  if (kind === "value") {
    if (meaning === "value") return { kind, name };
    throw new TemplateError(`line ${line}: '${name}' is a list, expected '{{#${name}}}'`);
  }
  const inner = meaning === "value" ? names : { ...names, ...meaning };
  const nodes = nodesUntil(tokens, inner, { name, line });
  return { kind: "section", name, when: kind === "open" ? "present" : "absent", nodes };
}

function meaningOf(known: Names, name: string, line: number): "value" | Names {
  const meaning = Object.hasOwn(known, name) ? known[name] : undefined;
  if (meaning !== undefined) return meaning;
  const names = Object.keys(known).sort().join(", ");
  throw new TemplateError(`line ${line}: unknown placeholder '${name.slice(0, 64)}', expected one of ${names}`);
}

/** The text with each value as `escaped` has it. */
export function renderTemplate(
  nodes: readonly TemplateNode[],
  values: Values,
  escaped: (value: string) => string,
): string {
  return nodes.map((node) => renderNode(node, values, escaped)).join("");
}

function renderNode(node: TemplateNode, values: Values, escaped: (value: string) => string): string {
  if (node.kind === "text") return node.text;
  const value = values[node.name];
  if (node.kind === "value") return typeof value === "string" ? escaped(value) : "";
  const isPresent = value !== undefined && value.length > 0;
  if (node.when === "absent") return isPresent ? "" : renderTemplate(node.nodes, values, escaped);
  if (!isPresent) return "";
  const elements: readonly Values[] = typeof value === "string" ? [{}] : value;
  return elements.map((element) => renderTemplate(node.nodes, { ...values, ...element }, escaped)).join("");
}
