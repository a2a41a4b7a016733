import { isStep, type Designer } from "./designer";
import type { Drawn, Meant } from "./kit";
import { Meaning } from "./meaning";
import { fillCode, fillDuration, fillEvent, fillTimer, fillWays, fillWho } from "./widgets";

/** What a field of the panel is about: the element, and the part of it that it reads and changes. */
export interface About {
  element: Drawn;
  part?: Meant;
  designer: Designer;
  meaning: Meaning;
  again: () => void; // draws the panel anew
}

type Fill = (field: HTMLElement, about: About) => void;

const WIDGETS: Record<string, Fill> = { who: fillWho, duration: fillDuration, event: fillEvent, timer: fillTimer, ways: fillWays, code: fillCode };

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

  constructor(
    private holder: HTMLElement,
    private templates: HTMLTemplateElement[],
    private designer: Designer,
  ) {
    this.#meaning = new Meaning(designer);
  }

  show(): void {
    const element = this.designer.selected;
    const focus = focusIn(this.holder);
    const kind = kindOf(element);
    const shown = this.templates.filter((one) => one.dataset.for!.split(" ").some((name) => name === kind || name === "*" || (name === "Step" && isStep(element))));
    this.holder.replaceChildren(...shown.map((one) => one.content.cloneNode(true)));
    if (element.type !== "bpmn:BoundaryEvent") this.holder.querySelector(".beside-only")?.remove();
    this.holder.querySelector<HTMLButtonElement>("[data-delete]")?.addEventListener("click", () => this.designer.remove(element));
    this.#fill(this.holder, { element, designer: this.designer, meaning: this.#meaning, again: () => this.show() });
    unique(this.holder);
    focus();
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
      if (part.$type === "okno:Action") this.#arguments(row, own);
    }
  }

  /** The fields of the chosen action: those it needs, and those that were given or asked for. */
  #arguments(row: HTMLElement, about: About & { part: Meant }): void {
    const holder = row.querySelector<HTMLElement>("[data-args]")!;
    const fields = JSON.parse(holder.dataset.args!) as Record<string, { name: string; required: boolean; hint: string }[]>;
    const given = (about.part.get("args") as Meant[]) ?? [];
    const known = fields[String(about.part.name ?? "")] ?? [];
    const template = holder.querySelector<HTMLTemplateElement>("template")!;
    const put = (name: string, value: string) => {
      const arg = ((about.part.get("args") as Meant[]) ?? []).find((one) => one.name === name);
      if (arg && !value) about.meaning.remove(about.element, arg);
      else if (arg) about.meaning.change(about.element, arg, { value, text: "" });
      else if (value) {
        const made = about.designer.make("okno:Arg", { name, value }, about.part);
        about.designer.get("modeling").updateModdleProperties(about.element, about.part, { args: [...((about.part.get("args") as Meant[]) ?? []), made] });
      }
    };
    const shown = [...new Set([...known.filter((one) => one.required).map((one) => one.name), ...given.map((one) => String(one.name))])];
    const line = (name: string): HTMLElement => {
      const drawn = template.content.firstElementChild!.cloneNode(true) as HTMLElement;
      const field = known.find((one) => one.name === name);
      const arg = given.find((one) => one.name === name);
      const input = drawn.querySelector("input")!;
      drawn.querySelector("[data-name]")!.textContent = field?.required ? `${name} *` : name;
      drawn.querySelector("[data-hint]")!.textContent = field?.hint ?? "";
      input.value = String(arg?.value ?? arg?.text ?? "");
      input.onchange = () => put(name, input.value);
      return drawn;
    };
    holder.append(...shown.map(line));
    const more = row.querySelector<HTMLSelectElement>("[data-more]")!;
    more.append(...known.filter((one) => !shown.includes(one.name)).map((one) => new Option(one.name, one.name)));
    more.hidden = more.options.length < 2;
    more.onchange = () => {
      const drawn = line(more.value);
      holder.append(drawn);
      more.options[more.selectedIndex]!.remove();
      more.value = "";
      unique(this.holder);
      drawn.querySelector("input")!.focus();
    };
  }

  /** Of the panel itself those that stand in no row; of a row all. */
  #fields(root: HTMLElement, about: About): void {
    const own = (one: HTMLElement) => one.closest(".panel-row") === root.closest(".panel-row");
    for (const field of [...root.querySelectorAll<HTMLInputElement>("[data-field]")].filter(own)) {
      const path = field.dataset.field!;
      read(field, value(about, path));
      field.onchange = () => {
        store(about, path, written(field));
        if (field.dataset.redraw !== undefined) about.again();
      };
    }
    for (const widget of [...root.querySelectorAll<HTMLElement>("[data-widget]")].filter(own)) WIDGETS[widget.dataset.widget!]!(widget, about);
  }
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
