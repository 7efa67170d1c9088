/** Reads what a test run counted from its JUnit report: the one output of `bun test` made for programs. */

export type Counts = { readonly passed: number; readonly failed: number; readonly skipped: number };

/** Counts of a whole report, and the names of the tests that were skipped. */
export function readJunit(xml: string): Counts & { readonly skippedNames: readonly string[] } {
  let failed = 0;
  let passed = 0;
  const skippedNames: string[] = [];
  for (const [, attributes = "", closed, body = ""] of xml.matchAll(
    /<testcase\b((?:[^">]|"[^"]*")*?)(?:(\/)>|>([\s\S]*?)<\/testcase>)/g,
  )) {
    const content = closed ? "" : body;
    if (/<(failure|error)\b/.test(content)) failed++;
    else if (/<skipped\b/.test(content)) skippedNames.push(nameOf(attributes));
    else passed++;
  }
  return { passed, failed, skipped: skippedNames.length, skippedNames };
}

function nameOf(attributes: string): string {
  const value = (key: string) => new RegExp(`\\b${key}="([^"]*)"`).exec(attributes)?.[1] ?? "";
  return [value("file"), value("name")].filter(Boolean).join(": ");
}
