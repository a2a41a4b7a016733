import { numeral, quoted, unquoted } from "./cel";
import { conditions } from "./conditions";
import { Unknown, type Value, type Values } from "./values";

/** An argument of an action, as the server tells it (crm/processes/arguments.py). */
export interface Argument {
  name: string;
  label: string;
  type: string;
  required?: boolean;
  nullable?: boolean;
  hint?: string;
  first?: boolean;
  offered?: boolean;
  choices?: string;
  kind?: string;
  options?: [string, string][];
  wrapped?: [string, string];
}

export type Lists = Record<string, [string, string][]>;

/** What an editor is for: it shows `cel`, and hands on what is chosen instead; `nothing` is CEL for an empty value. */
export interface Task {
  argument: Argument;
  cel: string;
  nothing: string;
  values: Values;
  lists: Lists;
  store: (cel: string) => void;
  refuse: (unknown: string) => void;
}

/** Shows the expression in a field of its own, drawn from the page's template; false where it says more than that. */
type Editor = (holder: HTMLElement, task: Task) => boolean;

const RECORDS = "deal contact company task quote request payment note document".split(" ");

const EDITORS: Record<string, Editor> = {
  text: (holder, task) => written(holder, task, "text"),
  long: (holder, task) => written(holder, task, "long"),
  number: (holder, task) => counted(holder, task),
  whole: (holder, task) => counted(holder, task),
  any: (holder, task) => anything(holder, task),
  yesno: (holder, task) => chosen(holder, task, [], task.values.fitting("yesno"), "yesno"),
  choice: (holder, task) => chosen(holder, task, named(task.argument.options ?? []), task.values.fitting("text").filter((one) => one.of === "steps")),
  record: (holder, task) => chosen(holder, task, named(task.lists[task.argument.choices ?? ""] ?? []), records(task)),
  date: days,
  moment: moments,
  items,
  condition: conditions,
};

/** Draws the editor of the argument's type. False where the expression says more than it can show. */
export function edit(holder: HTMLElement, task: Task): boolean {
  const editor = EDITORS[task.argument.type];
  return !!editor && editor(holder, task);
}

function part<Found extends HTMLElement>(holder: HTMLElement, kind: string): Found {
  const template = document.querySelector<HTMLTemplateElement>(`template[data-editor="${kind}"]`)!;
  holder.replaceChildren(template.content.cloneNode(true));
  return holder.firstElementChild as Found;
}

function written(holder: HTMLElement, task: Task, kind: string): boolean {
  const [before, behind] = task.argument.wrapped ?? ["", ""];
  const bare = !task.cel.startsWith(before) || !task.cel.endsWith(behind) ? undefined : task.cel.slice(before.length, task.cel.length - behind.length);
  const said = task.cel ? bare && task.values.readText(bare) : "";
  if (said === undefined || said === "") if (task.cel) return false;
  return typed(part(holder, kind), task, said ?? "", task.values.written(), (given) => {
    const cel = task.values.writeText(given, before ? "" : task.nothing);
    return cel && before + cel + behind;
  });
}

function counted(holder: HTMLElement, task: Task): boolean {
  const said = task.cel ? task.values.readNumber(task.cel) : "";
  if (said === undefined) return false;
  return typed(part(holder, "number"), task, said, task.values.fitting("number"), (given) => (given ? task.values.writeNumber(given, task.nothing) : ""));
}

/** A number or what is counted of some, where it can be read so; else a text. */
function anything(holder: HTMLElement, task: Task): boolean {
  const { cel, values } = task;
  const whole = values.all.find((one) => values.alone(one, "null").includes(cel));
  const said = whole ? `{${whole.words}}` : cel ? (values.readNumber(cel) ?? values.readText(cel)) : "";
  if (said === undefined || (said && numeral(said) !== undefined && unquoted(cel) !== undefined)) return false;
  return typed(part(holder, "text"), task, said, values.all, (given) => {
    const one = values.all.find(({ words }) => given.trim() === `{${words}}`);
    if (one) return values.alone(one, "null")[0]!;
    try {
      return given ? values.writeNumber(given, "null") : "";
    } catch {
      return values.writeText(given, "null");
    }
  });
}

/** A field to type in, with a menu that inserts values by their names in braces. */
function typed(field: HTMLElement, task: Task, said: string, offered: Value[], write: (given: string) => string): boolean {
  const input = field.querySelector<HTMLInputElement | HTMLTextAreaElement>("[data-text]")!;
  const menu = field.querySelector<HTMLSelectElement>("[data-insert]")!;
  input.value = said;
  const check = (): string | undefined => {
    try {
      const cel = write(task.argument.type === "long" ? input.value : input.value.trim());
      task.refuse("");
      return cel;
    } catch (error) {
      if (!(error instanceof Unknown)) throw error;
      task.refuse(error.message);
      return undefined;
    }
  };
  input.oninput = check;
  input.onchange = () => {
    const cel = check();
    if (cel !== undefined) task.store(cel);
  };
  grouped(menu, offered, (one) => new Option(one.words, one.words));
  menu.hidden = !offered.length;
  menu.onchange = () => {
    const [from, to] = [input.selectionStart ?? input.value.length, input.selectionEnd ?? input.value.length];
    input.setRangeText(`{${menu.value}}`, from, to, "end");
    menu.value = "";
    input.focus();
    input.onchange!(new Event("change"));
  };
  return true;
}

function grouped(menu: HTMLSelectElement | HTMLOptGroupElement, values: Value[], option: (one: Value) => HTMLOptionElement): void {
  for (const group of new Set(values.map((one) => one.group))) {
    const holder = document.createElement("optgroup");
    holder.label = group;
    holder.append(...values.filter((one) => one.group === group).map(option));
    menu.append(holder);
  }
}

function named(pairs: [string, string][]): [string, string][] {
  return pairs.map(([key, words]) => [quoted(key), words]);
}

function records({ argument, values }: Task): Value[] {
  if (argument.choices) return values.fitting(argument.choices);
  return argument.kind === "any" ? values.fitting(...RECORDS) : values.fitting(argument.kind ?? "");
}

/** One of several: what is known by then first, then what there is. The options' values are CEL. */
function chosen(holder: HTMLElement, task: Task, pairs: [string, string][], values: Value[], kind = "choice"): boolean {
  const { cel, argument } = task;
  const select = part<HTMLSelectElement>(holder, kind);
  const own = document.createElement("optgroup");
  own.label = select.dataset.there!;
  own.append(...[...select.options].slice(1), ...pairs.map(([key, words]) => new Option(words, key)));
  if (values.length) grouped(select, values, (one) => new Option(one.words, task.values.alone(one, argument.nullable ? "null" : "")[0]));
  select.append(...(values.length ? [own] : own.children));
  if (!own.children.length) own.remove();
  if (cel) {
    const value = values.find((one) => task.values.alone(one, "null").includes(cel));
    const text = unquoted(cel);
    const known = value ? task.values.alone(value, argument.nullable ? "null" : "")[0]! : text !== undefined ? quoted(text) : cel;
    const byName = text !== undefined ? pairs.find(([, words]) => words === text)?.[0] : undefined;
    const option = [...select.options].find((one) => one.value === known || one.value === byName);
    if (!option) return false;
    option.selected = true;
  }
  select.onchange = () => task.store(select.value);
  return true;
}

const AFTER = /^days_after\((.+), (-?\d{1,5})\)$/;

/** A day: so many days after one that is known, or a set one. */
function days(holder: HTMLElement, task: Task): boolean {
  const { cel, values, argument } = task;
  const nothing = argument.nullable ? "null" : "";
  const field = part(holder, "date");
  const base = field.querySelector<HTMLSelectElement>("[data-base]")!;
  const count = field.querySelector<HTMLInputElement>("[data-count]")!;
  const set = field.querySelector<HTMLInputElement>("[data-set]")!;
  const known = values.fitting("date");
  const fixed = base.querySelector("option[value=set]")!;
  grouped(base, known, (one) => new Option(one.words, one.raw));
  base.append(fixed);
  const moved = (days: number) => (raw: string) => (days ? `days_after(${raw}, ${days})` : raw);
  if (cel) {
    const day = unquoted(cel);
    const days = Number(AFTER.exec(cel.replace(/^[^?]+\? (.*) : .*$/, "$1"))?.[2] ?? 0);
    const value = known.find((one) => values.alone(one, "null", moved(days)).includes(cel));
    if (value) [base.value, count.value] = [value.raw, String(days)];
    else if (day && /^\d{4}-\d\d-\d\d$/.test(day)) [base.value, set.value] = ["set", day];
    else return false;
  }
  const shape = () => {
    set.hidden = base.value !== "set";
    count.parentElement!.hidden = !base.value || base.value === "set";
  };
  shape();
  const store = () => {
    shape();
    const value = known.find((one) => one.raw === base.value);
    if (value) task.store(values.alone(value, nothing, moved(Math.round(Number(count.value)) || 0))[0]!);
    else task.store(base.value === "set" && set.value ? quoted(set.value) : "");
  };
  for (const one of [base, count, set]) one.onchange = store;
  return true;
}

/** A moment: so much time from now, or one that is known. */
function moments(holder: HTMLElement, task: Task): boolean {
  const { cel } = task;
  const field = part(holder, "moment");
  const number = field.querySelector<HTMLInputElement>("[data-count]")!;
  const unit = field.querySelector<HTMLSelectElement>("[data-unit]")!;
  const found = /^now(?: \+ duration\("(\d{1,6})([hm])"\))?$/.exec(cel);
  if (cel && !found) return false;
  const days = found?.[2] === "h" && Number(found[1]) % 24 === 0;
  if (cel) number.value = found![1] ? String(days ? Number(found![1]) / 24 : found![1]) : "0";
  if (cel) unit.value = days ? "d" : (found![2] ?? "h");
  const store = () => {
    const count = Math.round(Number(number.value)) * (unit.value === "d" ? 24 : 1);
    task.store(number.value === "" ? "" : count ? `now + duration("${count}${unit.value === "m" ? "m" : "h"}")` : "now");
  };
  for (const one of [number, unit]) one.onchange = store;
  return true;
}

const ITEM = /\{"product_id": "([^"]+)", "quantity": ([^{}]+)\}/g;
const item = (product: string, quantity: string) => `{"product_id": "${product}", "quantity": ${quantity}}`;

/** Products and how many of each. */
function items(holder: HTMLElement, task: Task): boolean {
  const rows = [...task.cel.matchAll(ITEM)].map(([, product, quantity]) => ({ product: product!, cel: quantity! }));
  const same = `[${rows.map((one) => item(one.product, one.cel)).join(", ")}]` === task.cel;
  const offered = task.lists[task.argument.choices!] ?? [];
  if (task.cel && (!same || rows.some((one) => task.values.readNumber(one.cel) === undefined || !offered.some(([key]) => key === one.product)))) return false;
  const field = part(holder, "items");
  const list = field.querySelector("[data-rows]")!;
  const store = () => task.store(rows.some((one) => one.product) ? `[${rows.filter((one) => one.product).map((one) => item(one.product, one.cel)).join(", ")}]` : "");
  const draw = () => {
    list.replaceChildren(
      ...rows.map((one) => {
        const row = field.querySelector("template")!.content.firstElementChild!.cloneNode(true) as HTMLElement;
        const product = row.querySelector<HTMLSelectElement>("[data-product]")!;
        product.append(...offered.map(([key, words]) => new Option(words, key)));
        product.value = one.product;
        product.onchange = () => {
          one.product = product.value;
          store();
        };
        const quantity = { ...task, argument: { name: "", label: "", type: "number" }, cel: one.cel, nothing: "", store: (cel: string) => ((one.cel = cel || "1"), store()) };
        edit(row.querySelector<HTMLElement>("[data-quantity]")!, quantity);
        row.querySelector<HTMLInputElement>("[data-text]")!.ariaLabel = row.querySelector<HTMLElement>("[data-quantity]")!.dataset.quantity!;
        row.querySelector<HTMLButtonElement>("[data-less]")!.onclick = () => {
          rows.splice(rows.indexOf(one), 1);
          draw();
          store();
        };
        return row;
      }),
    );
  };
  field.querySelector<HTMLButtonElement>("[data-more-items]")!.onclick = () => {
    rows.push({ product: "", cel: "1" });
    draw();
    list.querySelector<HTMLElement>(":scope > :last-child select")!.focus();
  };
  if (!rows.length && !task.cel) rows.push({ product: "", cel: "1" });
  draw();
  return true;
}
