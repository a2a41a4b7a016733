/** Texts and numbers as CEL has them, and back. */

export function quoted(text: string): string {
  return JSON.stringify(text);
}

const ESCAPES: Record<string, string> = { n: "\n", t: "\t", r: "\r", b: "\b", f: "\f" };
const LITERAL = /(?:"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)')/y;

/** The text that a literal at this place of an expression says, and where the literal ends. */
export function literalAt(cel: string, at: number): { text: string; end: number } | undefined {
  LITERAL.lastIndex = at;
  const found = LITERAL.exec(cel);
  if (!found) return undefined;
  const text = (found[1] ?? found[2]!).replace(/\\(?:u([0-9a-fA-F]{4})|(.))/gs, (_all, code?: string, sign?: string) => (code ? String.fromCharCode(parseInt(code, 16)) : (ESCAPES[sign!] ?? sign!)));
  return { text, end: LITERAL.lastIndex };
}

/** The text, where the expression is nothing but a text. */
export function unquoted(cel: string): string | undefined {
  const found = literalAt(cel, 0);
  return found?.end === cel.length ? found.text : undefined;
}

/** "1 200,50" as "1200.50"; nothing where it is no number. */
export function numeral(text: string): string | undefined {
  const plain = text.replace(/[\s\u00a0]/g, "").replace(",", ".");
  return /^-?\d{1,15}(\.\d{1,9})?$/.test(plain) ? plain : undefined;
}
