/** How values are put into the parts of a mail, so that whatever users called their orders stays text. Pure. */

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** For text and quoted attributes of HTML. */
export function escapeHtml(value: string): string {
  return value.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? "");
}

/** For one line of a header: no character may end it or change the direction of what follows. */
export function escapeLine(value: string): string {
  return value.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]+/gu, " ").trim();
}

/** For a text part: line ends stay, other control characters do not. */
export function escapeText(value: string): string {
  return value.replaceAll(/[^\P{Cc}\n\t]+/gu, " ");
}
