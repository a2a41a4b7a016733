import { Controller } from "@hotwired/stimulus";
import { isWriting } from "../fields";

/** A details element as a menu: Esc and a click elsewhere close it, arrows move in it. */
export default class extends Controller<HTMLDetailsElement> {
  override connect(): void {
    document.addEventListener("click", this.#outside);
    document.addEventListener("keydown", this.#key);
  }

  override disconnect(): void {
    document.removeEventListener("click", this.#outside);
    document.removeEventListener("keydown", this.#key);
  }

  #outside = (event: MouseEvent): void => {
    if (this.element.open && !this.element.contains(event.target as Node)) this.element.open = false;
  };

  #key = (event: KeyboardEvent): void => {
    if (!this.element.open) return;
    if (event.key === "Escape") {
      event.preventDefault();
      this.element.open = false;
      this.element.querySelector<HTMLElement>("summary")!.focus();
    }
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const items = [...this.element.querySelectorAll<HTMLElement>(".menu-pop > :is(a, button), .menu-pop > form > button")];
    if (!by || !items.length || !this.element.contains(event.target as Node) || isWriting(event.target)) return;
    event.preventDefault();
    const at = items.indexOf(document.activeElement as HTMLElement);
    items[at < 0 ? (by > 0 ? 0 : items.length - 1) : (at + by + items.length) % items.length]!.focus();
  };
}
