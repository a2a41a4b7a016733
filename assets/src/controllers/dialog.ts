import { Controller } from "@hotwired/stimulus";

/** A dialog that is in the page; anything with data-dialog="its id" opens it, a link's href is the way without a script. */
export default class extends Controller<HTMLDialogElement> {
  override connect(): void {
    document.addEventListener("click", this.#click);
    document.addEventListener("turbo:submit-end", this.#sent);
  }

  override disconnect(): void {
    document.removeEventListener("click", this.#click);
    document.removeEventListener("turbo:submit-end", this.#sent);
  }

  #click = (event: MouseEvent): void => {
    const opener = event.target instanceof Element && event.target.closest<HTMLElement>("[data-dialog]");
    if (!opener || opener.dataset.dialog !== this.element.id || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    opener.closest<HTMLDetailsElement>("details.menu")?.removeAttribute("open");
    this.element.showModal();
    this.element.querySelector<HTMLElement>("[autofocus], .body :is(input:not([type=hidden]), select, textarea)")?.focus();
  };

  /** Its answer is stored: a morphed page would leave the dialog open. */
  #sent = (event: Event): void => {
    const form = event.target as HTMLFormElement;
    const answered = form.contains(this.element) || this.element.contains(form);
    if (answered && (event as CustomEvent<{ success: boolean }>).detail.success) this.element.close();
  };

  close(event: Event): void {
    event.preventDefault();
    this.element.close();
  }
}
