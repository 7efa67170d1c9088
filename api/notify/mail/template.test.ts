import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { composeMail, templateProblems } from "./compose.ts";
import { escapeHtml, escapeLine } from "./escape.ts";
import { exampleOrder } from "./example.ts";
import { placeholderValues } from "./placeholders.ts";
import { SHIPPED_TEMPLATES } from "./shipped.ts";
import { parseTemplate, renderTemplate, TemplateError } from "./template.ts";

const NAMES = { name: "value", other: "value", list: { name: "value", inner: "value" } } as const;
const render = (source: string, values: Parameters<typeof renderTemplate>[1]) =>
  renderTemplate(parseTemplate(source, NAMES), values, (value) => value);

describe("parseTemplate()", () => {
  const cases: Record<string, { source: string; want: string }> = {
    "an unknown placeholder": {
      source: "a\nb {{nobody}}",
      want: "line 2: unknown placeholder 'nobody', expected one of list, name, other",
    },
    "a name of elements outside of the list": { source: "{{inner}}", want: "line 1: unknown placeholder 'inner'" },
    "a list as a value": { source: "{{list}}", want: "line 1: 'list' is a list, expected '{{#list}}'" },
    "a section that stays open": { source: "\n\n{{#name}}x", want: "line 3: 'name' is not closed" },
    "an end without beginning": { source: "{{/name}}", want: "line 1: '{{/name}}' closes nothing" },
    "crossed sections": {
      source: "{{#name}}{{#other}}{{/name}}{{/other}}",
      want: "line 1: '{{/name}}' closes nothing, expected '{{/other}}'",
    },
    "half a tag": { source: "{{ name", want: "line 1: expected '}}' after '{{'" },
    "a property of every object": { source: "{{constructor}}", want: "line 1: unknown placeholder 'constructor'" },
  };
  for (const [name, { source, want }] of Object.entries(cases)) {
    test(`parseTemplate() refuses ${name}`, () => {
      expect(() => parseTemplate(source, NAMES)).toThrow(want);
    });
  }

  test("parseTemplate() either parses or tells a line, whatever the text", () => {
    const piece = fc.constantFrom(
      "{{",
      "}}",
      "{{#name}}",
      "{{/name}}",
      "{{^list}}",
      "{{/list}}",
      "{{name}}",
      "x\n",
      "{",
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        try {
          render(pieces.join(""), { name: "n", list: [{ name: "e" }] });
        } catch (error) {
          expect(error).toBeInstanceOf(TemplateError);
          expect((error as Error).message).toMatch(/^line \d+: /);
        }
      }),
    );
  });
});

test("renderTemplate() gives sections once, for each element, or where there is nothing", () => {
  const source =
    "{{#name}}[{{name}}]{{/name}}{{^name}}none{{/name}}{{#list}}({{inner}}{{name}}){{/list}}{{^list}}empty{{/list}}";
  expect(render(source, { name: "n", list: [{ inner: "1" }, { inner: "2", name: "m" }] })).toBe("[n](1n)(2m)");
  expect(render(source, { list: [] })).toBe("noneempty");
  expect(render("a{{other}}b", {})).toBe("ab");
});

test("renderTemplate() takes what values say for text, whatever it is", () => {
  fc.assert(
    fc.property(fc.string(), (value) => {
      expect(render("<{{name}}>", { name: value })).toBe(`<${value}>`);
    }),
  );
});

describe("composeMail()", () => {
  const base = { tenant: "default", publicUrl: "https://archive.example.org", base: "https://archive.example.org/api" };
  const order = (changes: object) => ({
    row: { ...exampleOrder("ada@example.org", new Date(0)), ...changes },
    token: "t.o.k",
  });

  test("composeMail() lets no label end a header or begin a tag", () => {
    const label = 'x\r\nBcc: eve@example.org\r\n\r\n<script>alert("1")</script>\u202e';
    const template = { subject: "Order {{order_label}}", text: "{{order_label}}", html: "<b>{{order_label}}</b>" };
    const mail = composeMail(template, placeholderValues([order({ label })], base));
    expect(mail.subject).toBe('Order x Bcc: eve@example.org <script>alert("1")</script>');
    expect(mail.html).not.toContain("<script");
    expect(mail.html).toContain("&lt;script&gt;alert(&quot;1&quot;)");
  });

  test("composeMail() renders every shipped template, links and all", () => {
    for (const [kind, template] of Object.entries(SHIPPED_TEMPLATES)) {
      expect(templateProblems(template)).toEqual([]);
      const mail = composeMail(template, placeholderValues([order({})], base));
      for (const part of [mail.text, mail.html, mail.subject]) expect(part).not.toContain("{{");
      expect(mail.text, kind).toContain(
        "https://archive.example.org/api/orders/public/download?orderToken=t.o.k&scope=default",
      );
      expect(mail.html, kind).toContain("download?orderToken=t.o.k&amp;scope=default");
    }
  });

  test("composeMail() links to the client's page on this host, and to no other", () => {
    const template = { subject: "s", text: "{{orders_url}}", html: "h" };
    const page = (onSuccessUrl: string) =>
      composeMail(template, placeholderValues([order({ onSuccessUrl })], base)).text;
    expect(page("/user/orders?x=1")).toBe("https://archive.example.org/user/orders?x=1");
    expect(page("orders")).toBe("https://archive.example.org/orders");
    for (const other of [
      "https://evil.example/",
      "//evil.example/",
      "javascript:alert(1)",
      "@evil.example/",
      "\\\\evil.example",
    ]) {
      const link = page(other);
      expect(link === "" || new URL(link).host === "archive.example.org").toBe(true);
    }
  });
});

test("templateProblems() names part, line and what is known, and wants a subject of one line", () => {
  expect(templateProblems({ subject: "a\nb", text: "{{x}}", html: "<p>\n{{#orders}}" })).toEqual([
    "subject: expected one line without control characters",
    expect.stringContaining("text: line 1: unknown placeholder 'x', expected one of creation_date"),
    "html: line 2: 'orders' is not closed",
  ]);
});

test("escapes leave nothing that ends what they stand in", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(escapeHtml(text)).not.toMatch(/[<>"']/);
      expect(escapeLine(text)).not.toMatch(/[\r\n\0\u2028\u2029\u0085]/);
    }),
  );
});
