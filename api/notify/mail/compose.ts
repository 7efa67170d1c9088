/** From a template and values to the parts of a mail; and whether a template is one. Pure. */
import type { MailTemplate } from "#store/mail-templates.ts";
import { escapeHtml, escapeLine, escapeText } from "./escape.ts";
import { PLACEHOLDERS } from "./placeholders.ts";
import { parseTemplate, renderTemplate, TemplateError, type Values } from "./template.ts";

export type MailParts = { readonly subject: string; readonly text: string; readonly html: string };

const PARTS = ["subject", "text", "html"] as const;

/** The mail; throws TemplateError where the template is none. */
export function composeMail(template: MailTemplate, values: Values): MailParts {
  const render = (source: string, escaped: (value: string) => string) =>
    renderTemplate(parseTemplate(source, PLACEHOLDERS), values, escaped);
  return {
    subject: escapeLine(render(template.subject, escapeLine)),
    text: render(template.text, escapeText),
    html: render(template.html, escapeHtml),
  };
}

/** What is wrong with a template, a line for each part. */
export function templateProblems(template: MailTemplate): readonly string[] {
  const problems = PARTS.flatMap((part) => {
    try {
      parseTemplate(template[part], PLACEHOLDERS);
      return [];
    } catch (error) {
      if (error instanceof TemplateError) return [`${part}: ${error.message}`];
      throw error;
    }
  });
  const isOneLine = escapeLine(template.subject) === template.subject.trim();
  return isOneLine ? problems : ["subject: expected one line without control characters", ...problems];
}
