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
${tags.map((tag) => section(tag, operations, schemas)).join("\n")}
<h2>schemas</h2>${Object.entries(schemas)
    .map(
      ([name, schema]) =>
        `<details><summary><code>${escapeHtml(name)}</code></summary><div id="${escapeHtml(name)}">${code(schema)}</div></details>`,
    )
    .join("\n")}
</body></html>`;
}

type Shown = { readonly path: string; readonly method: string; readonly operation: Json };

type Schemas = Readonly<Record<string, Json>>;

function section(tag: string, operations: readonly Shown[], schemas: Schemas): string {
  const shown = operations.filter(({ operation }) => (operation["tags"] as string[])[0] === tag);
  return `<h2>${escapeHtml(tag)}</h2>\n${shown.map((one) => operationHtml(one, schemas)).join("\n")}`;
}

function operationHtml({ path, method, operation }: Shown, schemas: Schemas): string {
  const responses = Object.entries(operation["responses"] as Record<string, Json>);
  const parameters = operation["parameters"] as readonly Json[];
  const body = operation["requestBody"] as Json | undefined;
  const description = operation["description"] === undefined ? "" : `<p>${prose(operation["description"])}</p>`;
  const answers = responses.map(([status, answer]) => {
    const example = /^2/.test(status) ? contentHtml(answer["content"], schemas) : "";
    return row(
      status,
      prose(answer["description"]) + (example && `<details><summary>body</summary>${example}</details>`),
    );
  });
  return `<details><summary><span class="method">${escapeHtml(method.toUpperCase())}</span><code>${escapeHtml(path)}</code> — ${prose(operation["summary"])}</summary>
${description}<p>Role: <code>${escapeHtml(operation["x-role"])}</code></p>
<table>${parameters.map((p) => row(`${String(p["name"])} (${String(p["in"])})`, prose(p["description"] ?? ""))).join("")}</table>
${body ? `<p>Body</p>${contentHtml(body["content"], schemas)}` : ""}<p>Answers</p><table>${answers.join("")}</table></details>`;
}

/** Each kind of content by an example where there is one, for people read those first; the schema beside it. */
function contentHtml(content: unknown, schemas: Schemas): string {
  const kinds = Object.entries((content ?? {}) as Readonly<Record<string, Json>>);
  return kinds
    .map(([type, { schema = {}, example: given }]) => {
      const name = /^#\/components\/schemas\/(\w+)$/.exec(String((schema as Json)["$ref"]))?.[1];
      const told = name === undefined ? (schema as Json) : schemas[name];
      const example = given ?? (told?.["examples"] as readonly unknown[] | undefined)?.[0];
      const link = name === undefined ? "" : ` <a href="#${name}">${name}</a>`;
      const shape = `<details><summary>schema</summary>${code(schema)}</details>`;
      const shown = example === undefined ? code(schema) : code(example) + (name === undefined ? shape : "");
      return `<p><code>${escapeHtml(type)}</code>${link}</p>${shown}`;
    })
    .join("");
}

function row(name: string, html: string): string {
  return `<tr><td><code>${escapeHtml(name)}</code></td><td>${html}</td></tr>`;
}

/** Text of the document, in which backticks mean code. */
function prose(value: unknown): string {
  return escapeHtml(value).replaceAll(/`([^`]+)`/g, "<code>$1</code>");
}

function code(value: unknown): string {
  const text = escapeHtml(typeof value === "string" ? value : JSON.stringify(value, null, 2));
  const linked = text.replaceAll(/&quot;#\/components\/schemas\/(\w+)&quot;/g, '&quot;<a href="#$1">$1</a>&quot;');
  return `<pre>${linked}</pre>`;
}

function escapeHtml(value: unknown): string {
  return String(value).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
