/**
 * The OpenAPI document as a page. Rendered here and not by a browser program from a content network: an archive's network often reaches no
 * such thing, and a page without a script needs no exception from the content policy.
 */

type Json = Readonly<Record<string, unknown>>;

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24}
h1{font-size:1.6rem}h2{margin-top:2.5rem;border-bottom:1px solid #d0d7de}details{border:1px solid #d0d7de;border-radius:6px;margin:.5rem 0;padding:.4rem .8rem}
summary{cursor:pointer}code,pre{font:14px/1.45 ui-monospace,monospace}pre{background:#f6f8fa;padding:.8rem;overflow:auto;border-radius:6px}
.method{display:inline-block;min-width:4.5rem;font-weight:600}table{border-collapse:collapse}td{padding:.15rem .8rem .15rem 0;vertical-align:top}
@media(prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}details,h2{border-color:#30363d}pre{background:#161b22}a{color:#6cb6ff}}`;

/** The page's answer must carry this: it allows the page its style and nothing else. */
export const PAGE_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export function openapiPage(document: Json): string {
  const operations = Object.entries(document["paths"] as Record<string, Json>).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation: operation as Json })),
  );
  const tags = [...new Set(operations.map(({ operation }) => String((operation["tags"] as string[])[0])))];
  const info = document["info"] as Json;
  const schemas = (document["components"] as Json)["schemas"] as Record<string, Json>;
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeHtml(info["title"])} API</title><style>${STYLE}</style></head><body>
<h1>${escapeHtml(info["title"])} ${escapeHtml(info["version"])}</h1><p>${escapeHtml(info["description"])} <a href="/openapi/json">The document</a></p>
${tags.map((tag) => section(tag, operations)).join("\n")}
<h2>schemas</h2>${Object.entries(schemas)
    .map(
      ([name, schema]) =>
        `<details id="${escapeHtml(name)}"><summary><code>${escapeHtml(name)}</code></summary>${code(schema)}</details>`,
    )
    .join("\n")}
</body></html>`;
}

type Shown = { readonly path: string; readonly method: string; readonly operation: Json };

function section(tag: string, operations: readonly Shown[]): string {
  const shown = operations.filter(({ operation }) => (operation["tags"] as string[])[0] === tag);
  return `<h2>${escapeHtml(tag)}</h2>\n${shown.map(operationHtml).join("\n")}`;
}

function operationHtml({ path, method, operation }: Shown): string {
  const responses = Object.entries(operation["responses"] as Record<string, Json>);
  const parameters = operation["parameters"] as readonly Json[];
  const body = operation["requestBody"];
  return `<details><summary><span class="method">${escapeHtml(method.toUpperCase())}</span><code>${escapeHtml(path)}</code> — ${escapeHtml(operation["summary"])}</summary>
<p>${escapeHtml(operation["description"] ?? "")}</p><p>Role: <code>${escapeHtml(operation["x-role"])}</code></p>
<table>${parameters.map((p) => row(`${String(p["name"])} (${String(p["in"])})`, p["description"] ?? "")).join("")}</table>
${body ? `<p>Body</p>${code(body)}` : ""}<p>Answers</p><table>${responses.map(([status, r]) => row(status, r["description"])).join("")}</table></details>`;
}

function row(name: string, description: unknown): string {
  return `<tr><td><code>${escapeHtml(name)}</code></td><td>${escapeHtml(description)}</td></tr>`;
}

function code(value: unknown): string {
  return `<pre>${escapeHtml(JSON.stringify(value, null, 2))}</pre>`;
}

function escapeHtml(value: unknown): string {
  return String(value).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
