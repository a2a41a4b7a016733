import { Controller } from "@hotwired/stimulus";
import { visit } from "@hotwired/turbo";
import type { Designer, Problem } from "../../bpmn/designer";
import type { Panel } from "../../bpmn/panel";
import { post, Refused } from "../../server";
import { say } from "../../toasts";

interface Answer {
  version: number;
  problems: Problem[];
  text: string;
}

const PAUSE = 600; // milliseconds after the last change until it is checked

/** The page of the designer: drawing, what is selected, what is wrong; saving and publishing. */
export default class extends Controller<HTMLElement> {
  static override targets = ["canvas", "panel", "steps", "problems", "state", "save", "publish", "count"];
  static override values = { xml: String, version: Number, words: Object, save: String, check: String, publish: String, table: String, failed: String };
  declare readonly canvasTarget: HTMLElement;
  declare readonly panelTarget: HTMLElement;
  declare readonly stepsTarget: HTMLElement;
  declare readonly problemsTarget: HTMLElement;
  declare readonly stateTarget: HTMLElement;
  declare readonly saveTarget: HTMLButtonElement;
  declare readonly countTarget: HTMLElement;
  declare readonly xmlValue: string;
  declare readonly wordsValue: Record<string, string>;
  declare readonly saveValue: string;
  declare readonly checkValue: string;
  declare readonly publishValue: string;
  declare readonly tableValue: string; // the page of a decision table, with ELEMENT for its step
  declare readonly failedValue: string;
  declare versionValue: number;

  #designer: Designer | undefined;
  #panel: Panel | undefined;
  #dirty = false;
  #timer = 0;
  #asked = 0;

  override async connect(): Promise<void> {
    const [{ Designer }, { Panel }, { title }] = await Promise.all([import("../../bpmn/designer"), import("../../bpmn/panel"), import("../../bpmn/widgets")]);
    if (!this.element.isConnected || this.#designer) return;
    this.canvasTarget.replaceChildren(); // what a page copy of Turbo has left
    const designer = (this.#designer = new Designer(this.canvasTarget, this.wordsValue, matchMedia("(width < 1024px)").matches));
    await designer.open(this.xmlValue);
    const panel = (this.#panel = new Panel(this.panelTarget, [...this.element.querySelectorAll<HTMLTemplateElement>("template[data-for]")], designer));
    const outline = () => this.#outline(designer.steps().map((one) => ({ id: one.id, words: title(one) })));
    const show = () => designer.looking || panel.show();
    designer.on("selection.changed", () => {
      show();
      outline();
    });
    designer.on("commandStack.changed", () => {
      this.#touched();
      outline();
    });
    // What the panel changes itself does not draw it anew, or a field would go while somebody comes to the next one.
    designer.on("commandStack.changed", ({ trigger }) => trigger !== "execute" && show());
    for (const event of ["directEditing.complete", "connect.end", "bendpoint.move.end"]) designer.on(event, show);
    show();
    outline();
    this.element.dataset.ready = "true";
    this.element.addEventListener("turbo:before-morph-element", this.#keep);
    addEventListener("beforeunload", this.#leaving);
    document.addEventListener("turbo:before-visit", this.#leavingPage);
    await this.#check();
  }

  override disconnect(): void {
    this.element.removeEventListener("turbo:before-morph-element", this.#keep);
    removeEventListener("beforeunload", this.#leaving);
    document.removeEventListener("turbo:before-visit", this.#leavingPage);
    clearTimeout(this.#timer);
    this.#designer?.close();
    this.#designer = undefined;
    delete this.element.dataset.ready;
  }

  /** A button of the palette: pressed, or pulled onto the drawing. */
  add({ params: { step } }: { params: { step: string } }): void {
    this.#designer?.add(step);
  }

  drag(event: DragEvent & { params: { step: string } }): void {
    event.preventDefault();
    this.#designer?.drag(event, event.params.step);
  }

  select({ params: { element } }: { params: { element: string } }): void {
    this.#designer?.select(element);
    this.panelTarget.querySelector<HTMLElement>("input, select, textarea")?.focus();
  }

  undo(): void {
    this.#designer?.get("commandStack").undo();
  }

  redo(): void {
    this.#designer?.get("commandStack").redo();
  }

  fit(): void {
    this.#designer?.fit();
  }

  key(event: KeyboardEvent): void {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "s") return;
    event.preventDefault();
    void this.save();
  }

  async save(): Promise<boolean> {
    if (!this.#designer || this.#designer.looking) return false;
    const xml = await this.#designer.xml();
    return this.#ask(this.saveValue, { xml, version: String(this.versionValue) }, ({ version, text }) => {
      this.versionValue = version;
      this.#dirty = false;
      this.stateTarget.textContent = text;
    });
  }

  async publish(): Promise<void> {
    if (!(await this.save())) return;
    await this.#ask(this.publishValue, { version: String(this.versionValue) }, ({ problems }) => {
      if (!problems.length) location.reload();
    });
  }

  /** The table of a step is on a page of its own, which reads what is saved. */
  async openTable(): Promise<void> {
    const step = this.#designer?.selected.id;
    if (step && (await this.save())) visit(this.tableValue.replace("ELEMENT", encodeURIComponent(step)));
  }

  #touched(): void {
    this.#dirty = true;
    this.stateTarget.textContent = this.wordsValue.unsaved ?? "";
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.#check(), PAUSE);
  }

  async #check(): Promise<void> {
    const number = ++this.#asked;
    const xml = await this.#designer?.xml();
    if (!xml) return;
    const { problems } = await post<Answer>(this.checkValue, { xml }, this.failedValue).catch(() => ({ problems: null }));
    if (problems && number === this.#asked && this.#designer) this.#tell(problems);
  }

  async #ask(url: string, fields: Record<string, string>, done: (answer: Answer) => void): Promise<boolean> {
    try {
      const answer = await post<Answer>(url, fields, this.failedValue);
      this.#tell(answer.problems);
      done(answer);
      return true;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.stateTarget.textContent = error.message;
      say(error.message);
      return false;
    }
  }

  #tell(problems: Problem[]): void {
    this.#designer!.mark(problems);
    this.#panel?.mark(problems);
    this.countTarget.textContent = problems.length ? String(problems.length) : "";
    this.problemsTarget.replaceChildren(
      ...problems.map(({ element, words }) => {
        const line = document.createElement("li");
        const button = document.createElement("button");
        button.type = "button";
        button.className = "btn-link";
        button.dataset.action = "designer#select";
        button.dataset.designerElementParam = element;
        button.textContent = words;
        line.append(button);
        return line;
      }),
    );
    this.problemsTarget.toggleAttribute("data-none", !problems.length);
  }

  /** Lines that still hold stay where they are, or one would go from beneath the pointer that leaves a changed field. */
  #outline(steps: { id: string; words: string }[]): void {
    const selected = this.#designer!.selected.id;
    const buttons = [...this.stepsTarget.querySelectorAll("button")];
    const same = buttons.length === steps.length && buttons.every((one, at) => one.dataset.designerElementParam === steps[at]!.id);
    if (!same) this.stepsTarget.replaceChildren(...steps.map(({ id }) => line(id)));
    this.stepsTarget.querySelectorAll("button").forEach((button, at) => {
      button.ariaPressed = String(steps[at]!.id === selected);
      if (button.textContent !== steps[at]!.words) button.textContent = steps[at]!.words;
    });
  }

  /** A live refresh leaves what is being drawn. */
  #keep = (event: Event): void => {
    if (event.target === this.element) event.preventDefault();
  };

  #leaving = (event: BeforeUnloadEvent): void => {
    if (this.#dirty) event.preventDefault();
  };

  #leavingPage = (event: Event): void => {
    if (this.#dirty && !confirm(this.wordsValue.leave)) event.preventDefault();
  };
}

function line(step: string): HTMLElement {
  const item = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "outline-step cut";
  button.dataset.action = "designer#select";
  button.dataset.designerElementParam = step;
  item.append(button);
  return item;
}
