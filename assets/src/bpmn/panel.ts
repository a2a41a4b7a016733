import { fillArguments, fillSent, fillValue, tell, usual, type Known } from "./arguments";
import { isStep, type Designer, type Problem } from "./designer";
import type { Drawn, Meant } from "./kit";
import { Meaning } from "./meaning";
import type { Words } from "./values";
import { fillCode, fillDuration, fillEvent, fillTimer, fillWays, fillWho } from "./widgets";

/** What a field of the panel is about: the element, and the part of it that it reads and changes. */
export interface About {
  element: Drawn;
  part?: Meant;
  designer: Designer;
  meaning: Meaning;
  known: Known;
  words: Words; // of values that earlier steps bring
  again: () => void; // draws the panel anew
  label: () => void; // joins labels with fields that came later
}

type Fill = (field: HTMLElement, about: About) => void;

const WIDGETS: Record<string, Fill> = { who: fillWho, duration: fillDuration, event: fillEvent, timer: fillTimer, ways: fillWays, code: fillCode, value: fillValue };

/**
 * The properties of what is selected. The page has a <template data-for="UserTask …"> for each kind of element, with all
 * words and choices in it; here they are filled in and listened to.
 *
 *   data-field="name"          an attribute of the element
 *   data-field="due.after"     an attribute of Okno's part `due`, which is made when needed
 *   data-field="if"            in a row of a list: an attribute of that row's part
 *   data-list="assignee"       holds a <template data-row="assignee">, drawn for each such part in the order of the file
 *   data-add="assignee"        a button that adds a row; data-with holds its first values as JSON
 *   data-widget="who"          fields that need more than one value (widgets.ts)
 */
export class Panel {
  #meaning: Meaning;
  #known: Known;
  #words: Words;
  #problems: Problem[] = [];

  constructor(
    private holder: HTMLElement,
    private templates: HTMLTemplateElement[],
    private designer: Designer,
  ) {
    this.#meaning = new Meaning(designer);
    const { known, ...words } = document.querySelector<HTMLElement>("[data-known]")!.dataset;
    this.#known = JSON.parse(known!);
    this.#words = words as Words;
  }

  show(): void {
    const element = this.designer.selected;
    const focus = focusIn(this.holder);
    const kind = kindOf(element);
    const shown = this.templates.filter((one) => one.dataset.for!.split(" ").some((name) => name === kind || name === "*" || (name === "Step" && isStep(element))));
    this.holder.replaceChildren(...shown.map((one) => one.content.cloneNode(true)));
    if (element.type !== "bpmn:BoundaryEvent") this.holder.querySelector(".beside-only")?.remove();
    this.holder.querySelector<HTMLButtonElement>("[data-delete]")?.addEventListener("click", () => this.designer.remove(element));
    const label = () => unique(this.holder);
    this.#fill(this.holder, { element, designer: this.designer, meaning: this.#meaning, known: this.#known, words: this.#words, again: () => this.show(), label });
    label();
    this.mark(this.#problems);
    focus();
  }

  /** Says beside each field of a step's work what is wrong with it. */
  mark(problems: Problem[]): void {
    this.#problems = problems;
    const own = problems.filter((one) => one.element === this.designer.selected.id);
    [...this.holder.querySelectorAll<HTMLElement>("[data-list~=action] > .panel-row")].forEach((row, at) => {
      for (const field of row.querySelectorAll<HTMLElement>(".argument:not([data-refused])")) {
        tell(field, own.find((one) => one.field === `${at}.${field.dataset.name}`)?.words ?? "");
      }
    });
  }

  #fill(root: HTMLElement, about: About): void {
    for (const list of root.querySelectorAll<HTMLElement>("[data-list]")) this.#rows(list, about);
    for (const button of root.querySelectorAll<HTMLButtonElement>("[data-add]")) {
      button.onclick = () => {
        about.meaning.add(about.element, button.dataset.add!, JSON.parse(button.dataset.with ?? "{}"));
        about.again();
      };
    }
    this.#fields(root, about);
  }

  #rows(list: HTMLElement, about: About): void {
    const templates = [...list.querySelectorAll<HTMLTemplateElement>(":scope > template[data-row]")];
    const path = list.dataset.list!;
    const parts = path.includes(" ") ? about.meaning.among(about.element, path.split(" ")) : about.meaning.all(about.element, path);
    for (const part of parts) {
      const name = part.$type.replace("okno:", "").toLowerCase();
      const template = templates.find((one) => one.dataset.row === name);
      if (!template) continue;
      const row = document.createElement("div");
      row.className = "panel-row";
      row.append(template.content.cloneNode(true));
      list.append(row);
      const own = { ...about, part };
      this.#fields(row, own);
      for (const button of row.querySelectorAll<HTMLButtonElement>("[data-remove]")) {
        button.onclick = () => {
          about.meaning.remove(about.element, part);
          about.again();
        };
      }
      if (part.$type === "okno:Action") fillArguments(row, own);
      if (part.$type === "okno:Webhook") fillSent(row, own);
    }
  }

  /** Of the panel itself those that stand in no row; of a row all. */
  #fields(root: HTMLElement, about: About): void {
    const own = (one: HTMLElement) => one.closest(".panel-row") === root.closest(".panel-row");
    for (const field of [...root.querySelectorAll<HTMLInputElement>("[data-field]")].filter(own)) {
      const path = field.dataset.field!;
      read(field, value(about, path));
      field.onchange = () => {
        store(about, path, written(field));
        if (about.part?.$type === "okno:Action") begin(about, about.part);
        if (field.dataset.redraw !== undefined) about.again();
      };
    }
    for (const widget of [...root.querySelectorAll<HTMLElement>("[data-widget]")].filter(own)) WIDGETS[widget.dataset.widget!]!(widget, about);
  }
}

/** Another action keeps what it has room for, and begins with what it is usually given. */
function begin(about: About, part: Meant): void {
  const name = String(part.name ?? "");
  const fields = about.known.arguments[name] ?? [];
  const kept = ((part.get("args") as Meant[]) ?? []).filter((arg) => arg.name !== "id" && fields.some((one) => one.name === arg.name));
  const made = Object.entries(usual(about, name)).filter(([key]) => !kept.some((one) => one.name === key));
  about.meaning.change(about.element, part, { args: [...kept, ...made.map(([key, value]) => about.designer.make("okno:Arg", { name: key, value }, part))] });
}

/** "UserTask"; of an event "StartEvent" or "TimerEvent"; "Process"; "SequenceFlow". */
function kindOf(element: Drawn): string {
  const own = element.type.replace("bpmn:", "");
  const definition = (element.businessObject.get("eventDefinitions") as Meant[] | undefined)?.[0];
  return definition && own !== "StartEvent" ? definition.$type.replace("bpmn:", "").replace("EventDefinition", "Event") : own;
}

function value(about: About, path: string): string {
  const [name, attribute] = path.split(".") as [string, string?];
  const found = attribute ? about.meaning.all(about.element, name)[0]?.[attribute] : (about.part ?? about.element.businessObject)[name];
  return String(found ?? "");
}

function store(about: About, path: string, given: string): void {
  const [name, attribute] = path.split(".") as [string, string?];
  if (attribute) about.meaning.put(about.element, name, attribute, given);
  else if (about.part) about.meaning.change(about.element, about.part, { [name]: given });
  else if (name === "cancelActivity") about.designer.get("modeling").updateProperties(about.element, { [name]: given === "true" });
  else about.designer.get("modeling").updateProperties(about.element, { [name]: given || undefined });
}

function read(field: HTMLInputElement, given: string): void {
  if (field.type === "checkbox") field.checked = given === "true";
  else if (field instanceof HTMLSelectElement && given && ![...field.options].some((one) => one.value === given)) field.add(new Option(given, given, true, true));
  else field.value = given;
}

function written(field: HTMLInputElement): string {
  if (field.type === "checkbox") return field.checked ? "true" : "";
  return field.value.trim();
}

/** Each label belongs to the field behind it, in every row. */
function unique(holder: HTMLElement): void {
  holder.querySelectorAll<HTMLElement>("label").forEach((label, number) => {
    const field = label.querySelector("input, select, textarea") ?? label.parentElement?.querySelector("input, select, textarea");
    if (!field || label.contains(field)) return;
    field.id ||= `panel-${number}`;
    (label as HTMLLabelElement).htmlFor = field.id;
  });
}

/** Drawing anew keeps the focus on the same field. */
function focusIn(holder: HTMLElement): () => void {
  const all = () => [...holder.querySelectorAll<HTMLElement>("input, select, textarea, button")];
  const at = all().indexOf(document.activeElement as HTMLElement);
  return () => all()[at]?.focus();
}
