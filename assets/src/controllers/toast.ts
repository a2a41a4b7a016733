import { Controller } from "@hotwired/stimulus";

const SHOWN = 10_000;

/** Goes away by itself, but not while pointed at or focused. */
export default class extends Controller<HTMLElement> {
  #timer: number | undefined;

  override connect(): void {
    this.#start();
    for (const event of ["pointerenter", "focusin"]) this.element.addEventListener(event, this.#stop);
    for (const event of ["pointerleave", "focusout"]) this.element.addEventListener(event, this.#start);
    this.element.addEventListener("turbo:submit-end", () => this.element.remove()); // undone: once is enough
  }

  override disconnect(): void {
    clearTimeout(this.#timer);
  }

  close(): void {
    this.element.remove();
  }

  #start = (): void => {
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.element.remove(), SHOWN);
  };

  #stop = (): void => clearTimeout(this.#timer);
}
