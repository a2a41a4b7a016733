import { literalAt, numeral, quoted } from "./cel";
import type { Designer } from "./designer";
import type { Drawn, Meant } from "./kit";
import { title } from "./widgets";

/** What can be inserted: `raw` is its CEL, `text` how it is written within a text, `guard` when it is there. */
export interface Value {
  raw: string;
  words: string;
  type: string; // text, number, date, moment, yesno, any, members, stages, or the kind of a record
  group: string;
  of: string; // the kind of record that it is a field of; "steps" and "data" of what a run brings
  text?: string;
  guard?: string;
}

export type Words = Record<string, string>;

const FILLED: Record<string, string> = { number: "number", yesno: "yesno", date: "date" };
const DECIDED: Record<string, string> = { number: "number", boolean: "yesno", date: "date", string: "text" }; // by the types of DMN
const WRITTEN: Record<string, (raw: string) => string> = {
  text: (raw) => raw,
  number: (raw) => `number(${raw})`,
  date: (raw) => `day(${raw})`,
  any: (raw) => `string(${raw})`,
};
const TOKEN = /\{([^{}]*)\}/g;

/** A text that names something there is not. */
export class Unknown extends Error {}

/** The values that an element may use: of the process's record and what hangs on it, and of the steps before it. */
export class Values {
  readonly all: Value[];
  #subject: string;

  constructor(known: Value[], words: Words, designer: Designer, element: Drawn) {
    const process = (designer.root.businessObject.get("extensionElements") as Meant | undefined)?.get("values") as Meant[] | undefined;
    this.#subject = String(process?.find((one) => one.$type === "okno:Process")?.subject ?? "");
    const own = /^(deal|contact|company)?$/.test(this.#subject) ? [] : [{ raw: "record.id", words: words.record!, type: this.#subject, group: words.process!, of: "" }];
    const found = [...known, ...own, ...stepsBefore(element).flatMap((one) => brought(one, words))];
    const seen = new Map<string, number>();
    this.all = found.map((one) => {
      const plain = one.words.replace(/[{}]/g, "");
      const count = (seen.get(plain) ?? 0) + 1;
      seen.set(plain, count);
      return { ...one, words: count > 1 ? `${plain} (${count})` : plain };
    });
  }

  /** Those that fit a field of this type, or these types. */
  fitting(...types: string[]): Value[] {
    return this.all.filter((one) => types.includes(one.type) || one.type === "any");
  }

  /** Those that can stand within a text. */
  written(): Value[] {
    return this.all.filter((one) => this.#text(one));
  }

  /** The ways in which it may be asked whether a value is there; the first is the one that is written. */
  guards({ raw, guard = "", of }: Value): string[] {
    const [path] = /^[\w.]+/.exec(raw)!;
    const [first, second, third] = path.split(".");
    const there = of === "steps" ? [`has(steps.${second})`, ...(third ? [`has(${path})`] : [])].join(" && ") : of ? `has(${first}.${second})` : "";
    const both = [there, guard].filter(Boolean).join(" && ");
    return [...new Set([of && of !== this.#subject ? both : guard, both, guard, there, ""])];
  }

  #text({ raw, text, type }: Value): string {
    return text ?? WRITTEN[type]?.(raw) ?? "";
  }

  /** Every way in which a value alone may be written; the first is the one that is. What may be empty says so. */
  alone(value: Value, nothing: string, change = (raw: string) => raw): string[] {
    const cel = change(value.raw);
    const guarded = this.guards(value).filter(Boolean).map((guard) => `${guard} ? ${cel} : `);
    const forms = [...guarded.map((one) => one + nothing), cel, ...guarded.map((one) => `${one}null`), ...guarded.map((one) => `${one}""`)];
    return nothing && this.guards(value)[0] ? forms : [cel, ...forms];
  }

  /** Every way in which it may be written within a text. */
  #within(value: Value): string[] {
    const cel = this.#text(value);
    return cel ? this.guards(value).map((guard) => (guard ? `(${guard} ? ${cel} : "")` : cel)) : [];
  }

  #named(words: string): Value {
    const found = this.all.find((one) => one.words === words.trim());
    if (!found) throw new Unknown(words.trim());
    return found;
  }

  /** "Call {Name of the contact}" as CEL. Throws Unknown. */
  writeText(given: string, nothing: string): string {
    const parts: string[] = [];
    const values: Value[] = [];
    let at = 0;
    for (const found of given.matchAll(TOKEN)) {
      if (found.index > at) parts.push(quoted(given.slice(at, found.index)));
      const value = this.#named(found[1]!);
      if (!this.#text(value)) throw new Unknown(found[1]!);
      values.push(value);
      parts.push(this.#within(value)[0]!);
      at = found.index + found[0].length;
    }
    if (at < given.length) parts.push(quoted(given.slice(at)));
    if (parts.length === 1 && values.length === 1) return this.alone(values[0]!, nothing, () => this.#text(values[0]!))[0]!;
    return parts.join(" + ");
  }

  /** The same text again, or nothing where the expression says more than that. */
  readText(cel: string): string | undefined {
    const whole = this.all.find((one) => this.#text(one) && this.alone(one, '""', () => this.#text(one)).includes(cel));
    if (whole) return `{${whole.words}}`;
    let said = "";
    let at = 0;
    for (;;) {
      const literal = literalAt(cel, at);
      const [value, form] = literal ? [] : this.#longest(cel, at, (one) => this.#within(one));
      if (literal ? /[{}]/.test(literal.text) : !value) return undefined;
      said += literal ? literal.text : `{${value!.words}}`;
      at = literal ? literal.end : at + form!.length;
      if (at === cel.length) return said;
      const plus = /^\s*\+\s*/.exec(cel.slice(at));
      if (!plus) return undefined;
      at += plus[0].length;
    }
  }

  /** "{Amount of the deal} * 0,5" as CEL, which counts numbers with a fraction alone with each other. Throws Unknown. */
  writeNumber(given: string, nothing: string): string {
    const plain = numeral(given);
    if (plain !== undefined) return plain;
    const [only] = /^\{[^{}]*\}$/.exec(given.trim()) ?? [];
    if (only) return this.alone(this.#counted(only.slice(1, -1)), nothing)[0]!;
    const cel = given.trim().replace(/\{([^{}]*)\}|\d+(?:[.,]\d+)?|[^\s]/g, (token, words?: string) => {
      if (words !== undefined) return this.#counted(words).raw;
      if (/^\d/.test(token)) return /[.,]/.test(token) ? token.replace(",", ".") : `${token}.0`;
      if ("+-*/()".includes(token)) return token;
      throw new Unknown(token);
    });
    if (!/[\w)]\s*[-+*/]\s*[\w(]/.test(cel)) throw new Unknown(given);
    return cel;
  }

  #counted(words: string): Value {
    const value = this.#named(words);
    if (!/^(number|any)$/.test(value.type)) throw new Unknown(words);
    return value;
  }

  readNumber(cel: string): string | undefined {
    if (numeral(cel) !== undefined) return cel;
    const fitting = this.fitting("number");
    const whole = fitting.find((one) => this.alone(one, "null").includes(cel));
    if (whole) return `{${whole.words}}`;
    let said = "";
    for (let at = 0; at < cel.length; ) {
      const [value, form] = this.#longest(cel, at, (one) => (fitting.includes(one) ? [one.raw] : []));
      const [token] = value ? [form] : (/^(\d+(?:\.\d+)?|[-+*/()]|\s+)/.exec(cel.slice(at)) ?? []);
      if (!token) return undefined;
      said += value ? `{${value.words}}` : token.replace(/^(\d+)\.0$/, "$1");
      at += token.length;
    }
    return said || undefined;
  }

  #longest(cel: string, at: number, forms: (one: Value) => string[]): [Value, string] | [] {
    let found: [Value, string] | [] = [];
    for (const one of this.all) {
      for (const form of forms(one)) {
        if (cel.startsWith(form, at) && !/^[\w[.(]/.test(cel.slice(at + form.length)) && form.length > (found[1]?.length ?? 0)) found = [one, form];
      }
    }
    return found;
  }
}

/** Along the arrows backwards: whatever a run may have been at before it comes here. */
function stepsBefore(element: Drawn): Drawn[] {
  const found = new Set<Drawn>();
  const waiting = [element];
  while (waiting.length) {
    const at = waiting.pop()!;
    const into = (at.incoming ?? []).filter((one) => one.type === "bpmn:SequenceFlow").map((one) => one.source!);
    const around = at.parent?.type === "bpmn:SubProcess" && at.type === "bpmn:StartEvent" ? [at.parent] : [];
    for (const one of [...into, ...(at.host ? [at.host] : []), ...around]) {
      if (found.has(one)) continue;
      found.add(one);
      const inner = one.type === "bpmn:SubProcess" && !around.includes(one) ? (one.children ?? []).filter((child) => !child.waypoints) : [];
      waiting.push(one, ...inner);
      for (const child of inner) found.add(child);
    }
  }
  found.delete(element);
  return [...found].sort((one, other) => one.x - other.x);
}

/** What a step brings: what was filled in and by whom, what was made, what was kept or decided. */
function brought(step: Drawn, words: Words): Value[] {
  const name = title(step);
  const said = (text: string) => text.replace("{name}", name);
  const parts = ((step.businessObject.get("extensionElements") as Meant | undefined)?.get("values") as Meant[] | undefined) ?? [];
  const here = `steps.${step.id}`;
  const values: Value[] = [];
  if (!/^\w+$/.test(step.id)) return values; // CEL has no name for it
  for (const part of parts) {
    for (const field of part.$type === "okno:Form" ? ((part.get("fields") as Meant[]) ?? []) : []) {
      if (field.name) values.push({ raw: `${here}.${field.name}`, words: `${name}: ${field.label || field.name}`, type: FILLED[String(field.type)] ?? "text", group: said(words.filled!), of: "steps" });
    }
    const [, kind] = (part.$type === "okno:Action" && /^(\w+)\.(?:create|receive)$/.exec(String(part.name))) || [];
    if (kind) values.push({ raw: `${here}.id`, words: said(words.made!), type: kind, group: words.before!, of: "steps" });
    if (part.$type === "okno:Set" && part.name) values.push({ raw: `data.${part.name}`, words: String(part.name), type: "any", group: words.before!, of: "data" });
    if (part.$type === "okno:Webhook") values.push({ raw: `${here}.answer`, words: said(words.answered!), type: "any", group: words.before!, of: "steps" });
    if (part.$type.endsWith(":decisionTable")) {
      const outputs = ((part.$children as Meant[] | undefined) ?? []).filter((one) => one.$type.endsWith(":output"));
      values.push(...outputs.map((one) => ({ raw: `${here}.${one.name}`, words: `${name}: ${one.label || one.name}`, type: DECIDED[String(one.typeRef)] ?? "any", group: words.before!, of: "steps" })));
    }
  }
  if (/UserTask|ManualTask/.test(step.type)) values.push({ raw: `${here}.by`, words: said(words.did!), type: "members", group: words.people!, of: "steps" });
  return values;
}
