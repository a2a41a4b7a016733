import { edit, type Argument, type Lists, type Task } from "./editors";
import type { Meant } from "./kit";
import type { About } from "./panel";
import { Values, type Value } from "./values";

/** What the page knows of actions and of what can be chosen and inserted (designer_pages.choices). */
export interface Known {
  arguments: Record<string, Argument[]>;
  lists: Lists;
  values: Value[];
}

export function valuesOf({ known, words, designer, element }: About): Values {
  return new Values(known.values, words, designer, element);
}

/** The arguments of the chosen action: those it needs, those that are set or usual, and a menu of the others. */
export function fillArguments(row: HTMLElement, about: About & { part: Meant }): void {
  const holder = row.querySelector<HTMLElement>("[data-args]")!;
  const all = about.known.arguments[String(about.part.name ?? "")] ?? [];
  const given = () => (about.part.get("args") as Meant[]) ?? [];
  const put = (name: string, value: string) => {
    const arg = given().find((one) => one.name === name);
    if (arg && !value) about.meaning.remove(about.element, arg);
    else if (arg) about.meaning.change(about.element, arg, { value, text: "" });
    else if (value) {
      const made = about.designer.make("okno:Arg", { name, value }, about.part);
      about.designer.get("modeling").updateModdleProperties(about.element, about.part, { args: [...given(), made] });
    }
  };
  const values = valuesOf(about);
  const draw = (argument: Argument, arg?: Meant) => field(argument, String(arg?.value ?? arg?.text ?? "").trim(), values, about.known.lists, (cel) => put(argument.name, cel));
  const unknown = given().filter((one) => !all.some(({ name }) => name === one.name));
  const shown = all.filter((one) => (one.first && one.offered) || given().some(({ name }) => name === one.name));
  holder.append(
    ...shown.map((one) => draw(one, given().find(({ name }) => name === one.name))),
    ...unknown.map((one) => draw({ name: String(one.name), label: String(one.name), type: "other" }, one)),
  );
  const more = row.querySelector<HTMLSelectElement>("[data-more]")!;
  more.append(...all.filter((one) => one.offered && !shown.includes(one)).map((one) => new Option(one.label, one.name)));
  more.hidden = more.options.length < 2;
  more.onchange = () => {
    const drawn = draw(all.find((one) => one.name === more.value)!);
    holder.append(drawn);
    more.options[more.selectedIndex]!.remove();
    more.value = "";
    about.label();
    drawn.querySelector<HTMLElement>("input, select, textarea")?.focus();
  };
}

/** What an action is given at first when it is chosen: the records that it is plainly about. */
export function usual(about: About, action: string): Record<string, string> {
  const values = valuesOf(about);
  const wanted = (about.known.arguments[action] ?? []).filter((one) => one.first && one.type === "record" && !one.choices);
  const found = wanted.map((one): [string, string] => {
    const fitting = values.fitting(one.kind!).filter((value) => value.type !== "any");
    const [first] = one.kind === "any" ? values.fitting("deal") : fitting.toReversed().filter((value) => value.of === "steps").concat(fitting);
    return [one.name, first ? values.alone(first, one.nullable ? "null" : "")[0]! : ""];
  });
  return Object.fromEntries(found.filter(([, cel]) => cel));
}

/** A value outside of an action: the words of a notice, what is kept, how a task reads, what a webhook gets. */
export function fillValue(holder: HTMLElement, about: About): void {
  const [name, attribute] = holder.dataset.of!.split(".") as [string, string?];
  const part = () => (attribute ? about.meaning.all(about.element, name)[0] : about.part);
  const path = attribute ?? name;
  const store = (cel: string) => {
    if (attribute) about.meaning.put(about.element, name, attribute, cel);
    else about.meaning.change(about.element, about.part!, { [path]: cel, ...(path === "value" && { text: "" }) });
  };
  const now = String(part()?.[path] || (path === "value" && part()?.text) || "").trim();
  const { label = "", type = "text" } = holder.dataset;
  const drawn = field({ name: path, label, type, hint: holder.dataset.said ?? "" }, now, valuesOf(about), about.known.lists, store);
  holder.replaceChildren(drawn);
}

/** What a webhook is sent: names with a value each. */
export function fillSent(row: HTMLElement, about: About & { part: Meant }): void {
  const holder = row.querySelector<HTMLElement>("[data-sent]")!;
  const template = holder.querySelector("template")!;
  const sent = (about.part.get("args") as Meant[]) ?? [];
  const values = valuesOf(about);
  for (const arg of sent) {
    const line = template.content.firstElementChild!.cloneNode(true) as HTMLElement;
    const name = line.querySelector<HTMLInputElement>("[data-key]")!;
    name.value = String(arg.name ?? "");
    name.onchange = () => about.meaning.change(about.element, arg, { name: name.value.trim() });
    line.querySelector<HTMLButtonElement>("[data-less]")!.onclick = () => {
      about.meaning.remove(about.element, arg);
      about.again();
    };
    const place = line.querySelector<HTMLElement>("[data-value]")!;
    const argument = { name: String(arg.name ?? ""), label: place.dataset.value!, type: "any" };
    place.replaceWith(field(argument, String(arg.value ?? arg.text ?? "").trim(), values, about.known.lists, (value) => about.meaning.change(about.element, arg, { value, text: "" })));
    holder.append(line);
  }
  row.querySelector<HTMLButtonElement>("[data-more-sent]")!.onclick = () => {
    const made = about.designer.make("okno:Arg", { name: "", value: "" }, about.part);
    about.designer.get("modeling").updateModdleProperties(about.element, about.part, { args: [...sent, made] });
    about.again();
  };
}

/** The field of an argument: an editor by its type, or the expression itself, by a switch. */
export function field(argument: Argument, now: string, values: Values, lists: Lists, store: (cel: string) => void): HTMLElement {
  const template = document.querySelector<HTMLTemplateElement>("template[data-argument]")!;
  const drawn = template.content.firstElementChild!.cloneNode(true) as HTMLElement;
  const place = drawn.querySelector<HTMLElement>("[data-place]")!;
  const toggle = drawn.querySelector<HTMLButtonElement>("[data-expression]")!;
  let cel = now;
  drawn.dataset.name = argument.name;
  drawn.querySelector("[data-label]")!.textContent = argument.required ? `${argument.label} *` : argument.label;
  drawn.querySelector("[data-hint]")!.textContent = argument.hint ?? "";
  const task = (): Task => ({
    argument,
    cel,
    values,
    lists,
    nothing: argument.required ? "" : argument.nullable ? "null" : '""',
    store: (given) => given !== cel && store((cel = given)),
    refuse: (unknown) => refuse(drawn, unknown && template.dataset.unknown!.replace("{name}", unknown)),
  });
  const expression = () => {
    const input = document.createElement("input");
    input.className = "form-control code";
    input.autocomplete = "off";
    input.value = cel;
    input.onchange = () => store((cel = input.value.trim()));
    place.replaceChildren(input);
  };
  const draw = (asExpression: boolean) => {
    const plain = !asExpression && edit(place, task());
    if (!plain) expression();
    toggle.ariaPressed = String(!plain);
    const control = place.querySelector<HTMLElement>("input, select, textarea");
    if (control && argument.required) control.ariaRequired = "true";
  };
  draw(false);
  toggle.hidden = argument.type === "other";
  toggle.onclick = () => {
    const wasExpression = toggle.ariaPressed === "true";
    draw(!wasExpression);
    if (wasExpression && toggle.ariaPressed === "true") edit(place, { ...task(), cel: "" }); // it says more: begun anew
    if (wasExpression) toggle.ariaPressed = "false";
    const label = drawn.querySelector("label")!;
    const control = place.querySelector<HTMLElement>("input, select, textarea");
    if (control) control.id = label.htmlFor;
    control?.focus();
  };
  return drawn;
}

/** Says beside a field what is wrong with it; nothing, when nothing is. */
export function refuse(drawn: HTMLElement, words: string): void {
  if (words || drawn.dataset.refused !== undefined) tell(drawn, words);
  drawn.toggleAttribute("data-refused", !!words);
}

/** The same of what the server has found. */
export function tell(drawn: HTMLElement, words: string): void {
  const said = drawn.querySelector<HTMLElement>("[data-problem]")!;
  said.textContent = words;
  said.hidden = !words;
  for (const control of drawn.querySelectorAll("[data-place] :is(input, textarea, select:not([data-insert]))")) control.ariaInvalid = words ? "true" : null;
}

