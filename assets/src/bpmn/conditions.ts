import { literalAt, numeral, quoted } from "./cel";
import type { Task } from "./editors";
import { Unknown, type Value, type Values } from "./values";

/** One comparison of a condition. `operand` is what was typed or chosen; some comparisons need none. */
interface Test {
  value: Value;
  op: string;
  operand: string;
}

/** The comparisons of each type: CEL before and behind what is compared with; those with nothing behind need nothing. */
const OPS: Record<string, Record<string, [before: string, behind?: string]>> = {
  text: { is: [" == ", ""], not: [" != ", ""], contains: [".contains(", ")"], filled: [' != ""'], empty: [' == ""'] },
  number: { is: [" == ", ""], more: [" > ", ""], less: [" < ", ""], least: [" >= ", ""], most: [" <= ", ""], filled: [" != null"], empty: [" == null"] },
  date: { is: [" == ", ""], after: [" > ", ""], before: [" < ", ""], filled: [" != null"], empty: [" == null"] },
  any: { is: [" == ", ""], not: [" != ", ""], more: [" > ", ""], less: [" < ", ""], filled: [" != null"], empty: [" == null"] },
  yesno: { yes: [" == true"], no: [" == false"] },
  chosen: { is: [" == ", ""], not: [" != ", ""] },
};
const JOIN = " && ";

function kindOf({ type }: Value): string {
  return type in OPS ? type : /^(members|stages)$/.test(type) ? "chosen" : "text";
}

/** A condition out of comparisons, all of which must hold; false where the expression says more than that. */
export function conditions(holder: HTMLElement, task: Task): boolean {
  const { values, cel } = task;
  const offered = values.all.filter((one) => one.type in OPS || /^(members|stages)$/.test(one.type));
  const tests = cel ? readTests(values, offered, cel) : [];
  if (!tests) return false;
  const template = document.querySelector<HTMLTemplateElement>('template[data-editor="condition"]')!;
  holder.replaceChildren(template.content.cloneNode(true));
  const field = holder.firstElementChild as HTMLElement;
  const list = field.querySelector<HTMLElement>("[data-tests]")!;
  const lines: Partial<Test>[] = tests.length ? tests : [{}];
  const store = () => {
    try {
      task.refuse("");
      const written = lines.filter((one): one is Test => !!one.value && !!one.op).map((one) => write(values, one));
      if (!written.includes("")) task.store(written.join(JOIN)); // else something is still to be typed
    } catch (error) {
      if (!(error instanceof Unknown)) throw error;
      task.refuse(error.message);
    }
  };
  const draw = () => list.replaceChildren(...lines.map((one) => line(one)));
  const line = (test: Partial<Test>): HTMLElement => {
    const row = field.querySelector<HTMLTemplateElement>("template[data-test]")!.content.firstElementChild!.cloneNode(true) as HTMLElement;
    const what = row.querySelector<HTMLSelectElement>("[data-what]")!;
    const op = row.querySelector<HTMLSelectElement>("[data-op]")!;
    const place = row.querySelector<HTMLElement>("[data-operand]")!;
    for (const group of new Set(offered.map((one) => one.group))) {
      const own = document.createElement("optgroup");
      own.label = group;
      own.append(...offered.filter((one) => one.group === group).map((one) => new Option(one.words, one.words)));
      what.append(own);
    }
    what.value = test.value?.words ?? "";
    const words = Object.fromEntries([...op.options].map((one) => [one.value, one.text]));
    const shape = () => {
      const kind = test.value && kindOf(test.value);
      op.replaceChildren(...Object.keys(kind ? OPS[kind]! : {}).map((key) => new Option(words[kind === "date" && key === "is" ? "on" : key], key)));
      op.hidden = !kind;
      if (!kind) return place.replaceChildren();
      if (!test.op || !(test.op in OPS[kind]!)) test.op = op.options[0]!.value;
      op.value = test.op;
      place.replaceChildren(...(needs(test as Test) ? [operand(test as Test, task.lists, store, place.dataset.operand!)] : []));
    };
    what.onchange = () => {
      const value = offered.find((one) => one.words === what.value);
      Object.assign(test, { operand: "" });
      if (value) test.value = value;
      else delete test.value;
      shape();
      store();
    };
    op.onchange = () => {
      test.op = op.value;
      shape();
      store();
    };
    const less = row.querySelector<HTMLButtonElement>("[data-less]")!;
    less.hidden = lines.length < 2;
    less.onclick = () => {
      lines.splice(lines.indexOf(test), 1);
      draw();
      store();
    };
    shape();
    return row;
  };
  field.querySelector<HTMLButtonElement>("[data-and]")!.onclick = () => {
    lines.push({});
    draw();
    list.querySelector<HTMLElement>(":scope > :last-child select")!.focus();
  };
  draw();
  return true;
}

function needs({ value, op }: Test): boolean {
  return OPS[kindOf(value)]![op]![1] !== undefined;
}

/** A field for what is compared with. */
function operand(test: Test, lists: Task["lists"], store: () => void, label: string): HTMLElement {
  const kind = kindOf(test.value);
  const made = document.createElement(kind === "chosen" ? "select" : "input");
  made.className = kind === "chosen" ? "form-select" : "form-control";
  made.ariaLabel = label;
  if (made instanceof HTMLSelectElement) made.append(new Option("–", ""), ...(lists[test.value.type] ?? []).map(([key, words]) => new Option(words, key)));
  else made.type = kind === "date" ? "date" : "text";
  made.value = test.operand ?? "";
  made.onchange = () => {
    test.operand = made.value.trim();
    store();
  };
  return made;
}

/** A comparison in CEL, false and no error where the value is not there; "" while what it compares with is missing. */
function write(values: Values, test: Test): string {
  const [before, behind] = OPS[kindOf(test.value)]![test.op]!;
  const filled = OPS[kindOf(test.value)]!.filled?.[0];
  const guard = values.guards(test.value)[0]!;
  if (test.op === "empty") return guard ? `!(${guard}${JOIN}${test.value.raw}${filled})` : test.value.raw + before;
  if (behind === undefined) return (guard && guard + JOIN) + test.value.raw + before;
  if (!test.operand) return "";
  const kind = kindOf(test.value);
  const counted = kind === "number" || kind === "any" ? numeral(test.operand) : undefined;
  if (counted === undefined && kind === "number") throw new Unknown(test.operand);
  return (guard && guard + JOIN) + test.value.raw + before + (counted ?? quoted(test.operand)) + behind;
}

function readTests(values: Values, offered: Value[], cel: string): Test[] | undefined {
  const found: Test[] = [];
  for (let at = 0; ; at += JOIN.length) {
    const [test, end] = readTest(values, offered, cel, at) ?? [];
    if (!test) return undefined;
    found.push(test);
    at = end!;
    if (at === cel.length) return found;
    if (!cel.startsWith(JOIN, at)) return undefined;
  }
}

/** The comparison at this place, and where it ends. */
function readTest(values: Values, offered: Value[], cel: string, at: number): [Test, number] | undefined {
  let longest: [Test, number] | undefined;
  const take = (test: Test, end: number) => {
    if (end > (longest?.[1] ?? 0) && (end === cel.length || cel.startsWith(JOIN, end))) longest = [test, end];
  };
  for (const value of offered) {
    const kind = kindOf(value);
    for (const guard of values.guards(value)) {
      const empty = `!(${guard}${JOIN}${value.raw}${OPS[kind]!.filled?.[0]})`;
      if (guard && cel.startsWith(empty, at)) take({ value, op: "empty", operand: "" }, at + empty.length);
      for (const [op, [before, behind]] of Object.entries(OPS[kind]!)) {
        const begin = (guard && guard + JOIN) + value.raw + before;
        if (!cel.startsWith(begin, at)) continue;
        if (behind === undefined) take({ value, op, operand: "" }, at + begin.length);
        else {
          const [operand, end] = readOperand(cel, at + begin.length, kind);
          if (operand !== undefined && cel.startsWith(behind, end!)) take({ value, op, operand }, end! + behind.length);
        }
      }
    }
  }
  return longest;
}

function readOperand(cel: string, at: number, kind: string): [string?, number?] {
  const [number] = (/^(number|any)$/.test(kind) && /^-?\d+(\.\d+)?/.exec(cel.slice(at))) || [];
  const literal = kind === "number" ? undefined : literalAt(cel, at);
  if (number !== undefined) return [number, at + number.length];
  return literal ? [literal.text, literal.end] : [];
}
