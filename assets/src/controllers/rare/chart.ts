import { visit } from "@hotwired/turbo";
import { Controller } from "@hotwired/stimulus";
import type { Drawing } from "../../drawing";
import { read } from "../../drawn-table";

/** Draws a chart from the table beside it, and takes its place until the person asks for the table. */
export default class extends Controller<HTMLElement> {
  static override targets = ["drawing", "table", "switch"];
  static override values = { shape: String };
  declare readonly drawingTarget: HTMLElement;
  declare readonly tableTarget: HTMLElement;
  declare readonly switchTarget: HTMLButtonElement;
  declare readonly shapeValue: "rows" | "columns";

  #drawing: Drawing | undefined;
  #asTable = false;
  #theme = new MutationObserver(() => this.#paint());
  #dark = matchMedia("(prefers-color-scheme: dark)");
  #size = new ResizeObserver(() => this.#drawing?.resize());

  override async connect(): Promise<void> {
    const { Drawing } = await import("../../drawing");
    await document.fonts.ready;
    if (!this.element.isConnected || this.#drawing) return;
    this.#drawing = new Drawing(this.drawingTarget, (url) => visit(url));
    this.#paint();
    this.#size.observe(this.drawingTarget);
    this.#theme.observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
    this.#dark.addEventListener("change", this.#paint);
    document.addEventListener("turbo:morph", this.#paint);
  }

  override disconnect(): void {
    this.#theme.disconnect();
    this.#size.disconnect();
    this.#dark.removeEventListener("change", this.#paint);
    document.removeEventListener("turbo:morph", this.#paint);
    this.#drawing?.dispose();
    this.#drawing = undefined;
  }

  switch(): void {
    this.#asTable = !this.#asTable;
    this.#paint();
  }

  /** Also after a live refresh, which brings the table anew and knows nothing of what stands here. */
  #paint = (): void => {
    if (!this.#drawing) return;
    this.switchTarget.hidden = false;
    this.switchTarget.ariaPressed = String(this.#asTable);
    this.tableTarget.hidden = !this.#asTable;
    this.drawingTarget.hidden = this.#asTable;
    if (!this.#asTable) this.#drawing.show(this.shapeValue, read(this.tableTarget.querySelector("table")!));
  };
}
