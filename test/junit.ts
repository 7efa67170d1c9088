/** Reads what a test run counted from its JUnit report: the one output of `bun test` made for programs. */

export type Counts = { readonly passed: number; readonly failed: number; readonly skipped: number };
export type Failure = { readonly name: string; readonly message: string };

/** Counts of a whole report, what failed and why, and the names of the tests that were skipped. */
export function readJunit(
  xml: string,
): Counts & { readonly failures: readonly Failure[]; readonly skippedNames: readonly string[] } {
  let passed = 0;
  const failures: Failure[] = [];
  const skippedNames: string[] = [];
  for (const [, attributes = "", closed, body = ""] of xml.matchAll(
    /<testcase\b((?:[^">]|"[^"]*")*?)(?:(\/)>|>([\s\S]*?)<\/testcase>)/g,
  )) {
    const content = closed ? "" : body;
    if (/<(failure|error)\b/.test(content)) failures.push({ name: nameOf(attributes), message: messageOf(content) });
    else if (/<skipped\b/.test(content)) skippedNames.push(nameOf(attributes));
    else passed++;
  }
  return { passed, failed: failures.length, skipped: skippedNames.length, failures, skippedNames };
}

function nameOf(attributes: string): string {
  const name = [attribute(attributes, "classname"), attribute(attributes, "name")].filter(Boolean).join(" > ");
  return [attribute(attributes, "file"), name].filter(Boolean).join(": ");
}

/** The whole of the error with its place, where it is told; a test that took too long has a message alone. */
function messageOf(content: string): string {
  const [, attributes = "", whole = ""] =
    /<(?:failure|error)\b((?:[^">]|"[^"]*")*?)(?:\/>|>([\s\S]*?)<\/(?:failure|error)>)/.exec(content) ?? [];
  return (unescaped(whole) || attribute(attributes, "message")).trim();
}

function attribute(attributes: string, key: string): string {
  return unescaped(new RegExp(`\\b${key}="([^"]*)"`).exec(attributes)?.[1] ?? "");
}

function unescaped(text: string): string {
  const names: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return text.replace(/&(?:#(\d+)|(\w+));/g, (all, code?: string, name = "") =>
    code ? String.fromCodePoint(Number(code)) : (names[name] ?? all),
  );
}
