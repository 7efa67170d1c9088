/** Single characters of regular expressions: how RE2 writes them as escapes, and how PostgreSQL takes any of them literally. */

const CHARACTER_ESCAPES: Readonly<Record<string, string>> = { a: "\x07", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" };

/** The text itself, as a pattern. */
export function literal(text: string): string {
  return text.replaceAll(/[^\p{L}\p{N}_\s]/gu, (char) => (char.charCodeAt(0) > 127 ? char : `\\${char}`));
}

/** One character written as an escape, within brackets or not; undefined where the escape stands for something else. */
export function readCharacterEscape(rest: string): { char: string; length: number } | undefined {
  const code = /^\\(?:x\{([0-9A-Fa-f]{1,6})\}|x([0-9A-Fa-f]{2}))/.exec(rest);
  if (code)
    return { char: String.fromCodePoint(Number.parseInt(code[1] ?? code[2] ?? "", 16)), length: code[0].length };
  const octal = /^\\([0-7]{2,3}|0)/.exec(rest);
  if (octal) return { char: String.fromCodePoint(Number.parseInt(octal[1] ?? "", 8)), length: octal[0].length };
  const next = rest.charAt(1);
  const known = CHARACTER_ESCAPES[next];
  if (known) return { char: known, length: 2 };
  return /[^0-9A-Za-z]/.test(next) ? { char: next, length: 2 } : undefined;
}
