import type { FrameElement } from "@hotwired/turbo";
import { Controller } from "@hotwired/stimulus";
import { refresh } from "../server";

/** One fact edited where it stands. Esc returns it as it was; a live refresh leaves it alone meanwhile. */
export default class extends Controller<FrameElement> {
  #shown = "";

  override connect(): void {
    this.element.addEventListener("turbo:before-frame-render", this.#remember);
    this.element.addEventListener("turbo:frame-load", this.#loaded);
    this.element.addEventListener("turbo:submit-end", this.#sent);
  }

  override disconnect(): void {
    this.element.removeEventListener("turbo:before-frame-render", this.#remember);
    this.element.removeEventListener("turbo:frame-load", this.#loaded);
    this.element.removeEventListener("turbo:submit-end", this.#sent);
  }

  cancel(event: Event): void {
    if (!("editing" in this.element.dataset)) return;
    event.preventDefault();
    this.element.removeAttribute("src");
    this.element.innerHTML = this.#shown;
    delete this.element.dataset.editing;
    this.element.querySelector<HTMLElement>(".edit")?.focus();
  }

  #remember = (): void => {
    if (!("editing" in this.element.dataset)) this.#shown = this.element.innerHTML;
  };

  #loaded = (): void => {
    this.element.toggleAttribute("data-editing", this.element.querySelector("form") !== null);
    this.element.querySelector<HTMLElement>(".is-invalid, input:not([type=hidden]), select, textarea, .edit")?.focus();
  };

  #sent = (event: Event): void => {
    if ((event as CustomEvent<{ success: boolean }>).detail.success) void refresh(); // the timeline tells of it too
  };
}
