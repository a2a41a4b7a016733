import type { FrameElement } from "@hotwired/turbo";
import { Controller } from "@hotwired/stimulus";
import { draw } from "../server";

/** Opens a page made of sheet.html over the present one. A stored form goes on to where the server sends it. */
export default class extends Controller<HTMLElement> {
  static override targets = ["dialog"];
  declare readonly dialogTarget: HTMLDialogElement;

  override connect(): void {
    document.addEventListener("click", this.#click);
    document.addEventListener("turbo:frame-missing", this.#missing);
    document.addEventListener("turbo:frame-load", this.#loaded);
  }

  override disconnect(): void {
    document.removeEventListener("click", this.#click);
    document.removeEventListener("turbo:frame-missing", this.#missing);
    document.removeEventListener("turbo:frame-load", this.#loaded);
  }

  #click = (event: MouseEvent): void => {
    const link = event.target instanceof Element && event.target.closest<HTMLAnchorElement>("a[data-sheet]");
    if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    link.closest<HTMLDetailsElement>("details.menu")?.removeAttribute("open");
    const frame = document.createElement("turbo-frame") as FrameElement;
    frame.id = "sheet";
    frame.className = "form-page";
    frame.src = link.href;
    this.dialogTarget.replaceChildren(frame);
    this.dialogTarget.ariaBusy = "true";
    this.dialogTarget.showModal();
    this.dialogTarget.addEventListener("close", () => this.dialogTarget.replaceChildren(), { once: true });
  };

  #loaded = (event: Event): void => {
    if ((event.target as Element).parentElement !== this.dialogTarget) return;
    this.dialogTarget.ariaBusy = null;
    this.dialogTarget.querySelector<HTMLElement>("[autofocus], .is-invalid, .body :is(input:not([type=hidden]), select, textarea)")?.focus();
  };

  /** The answer is not a sheet: the form was stored and another page follows. */
  #missing = (event: Event): void => {
    if ((event.target as Element).id !== "sheet") return;
    event.preventDefault();
    this.dialogTarget.close();
    void draw((event as CustomEvent<{ response: Response }>).detail.response);
  };

  close(event: Event): void {
    if (!this.dialogTarget.open) return; // the page itself: its Cancel is a link
    event.preventDefault();
    this.dialogTarget.close();
  }
}
