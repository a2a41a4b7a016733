import { Controller } from "@hotwired/stimulus";
import type { Marks, Viewer } from "../../bpmn/viewer";

/** Draws a process, with what stands at its elements; marks that a live refresh brings are put in place of the old. */
export default class extends Controller<HTMLElement> {
  static override targets = ["place"];
  static override values = { xml: String, marks: Object };
  declare readonly placeTarget: HTMLElement;
  declare readonly xmlValue: string;
  declare readonly marksValue: Marks;

  #viewer: Viewer | undefined;
  #whole = false;
  #size = new ResizeObserver(() => this.#viewer?.fit(this.#whole));

  override async connect(): Promise<void> {
    const { Viewer } = await import("../../bpmn/viewer");
    if (!this.element.isConnected || this.#viewer) return;
    this.element.hidden = false;
    this.element.addEventListener("turbo:before-morph-element", this.#keep);
    this.element.addEventListener("turbo:before-morph-attribute", this.#keep);
    this.#viewer = new Viewer(this.placeTarget);
    try {
      await this.#viewer.open(this.xmlValue);
    } catch {
      this.element.hidden = true; // a file that does not say where its elements stand: the table below says all of it
      return;
    }
    this.#viewer.mark(this.marksValue);
    this.#viewer.fit();
    this.#size.observe(this.placeTarget);
  }

  whole({ currentTarget }: Event): void {
    this.#whole = !this.#whole;
    (currentTarget as HTMLElement).ariaPressed = String(this.#whole);
    this.#viewer?.fit(this.#whole);
  }

  marksValueChanged(): void {
    this.#viewer?.mark(this.marksValue);
  }

  /** A live refresh knows nothing of what is drawn here. */
  #keep = (event: Event): void => {
    const { attributeName } = (event as CustomEvent<{ attributeName?: string }>).detail;
    if (event.target === this.placeTarget || attributeName === "hidden") event.preventDefault();
  };

  override disconnect(): void {
    this.element.removeEventListener("turbo:before-morph-element", this.#keep);
    this.element.removeEventListener("turbo:before-morph-attribute", this.#keep);
    this.#size.disconnect();
    this.#viewer?.close();
    this.#viewer = undefined;
  }
}
