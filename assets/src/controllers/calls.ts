import type { FrameElement } from "@hotwired/turbo";
import { Controller } from "@hotwired/stimulus";
import { concerns } from "../server";

const STANDS = "calls"; // in the tab's storage: a card stands, and is asked for again by the next page

/** The card of who calls: asked for when this member's telephone rings, is answered or falls silent. */
export default class extends Controller<FrameElement> {
  static override values = { url: String };
  declare readonly urlValue: string;

  override connect(): void {
    document.addEventListener("live:told", this.#told);
    this.element.addEventListener("turbo:frame-load", this.#loaded);
    if (sessionStorage.getItem(STANDS) && !this.element.childElementCount) this.#load();
  }

  override disconnect(): void {
    document.removeEventListener("live:told", this.#told);
    this.element.removeEventListener("turbo:frame-load", this.#loaded);
  }

  #told = (event: Event): void => {
    if (concerns(event, "call")) this.#load();
  };

  #loaded = (): void => {
    if (this.element.childElementCount) sessionStorage.setItem(STANDS, "1");
    else sessionStorage.removeItem(STANDS);
  };

  #load(): void {
    if (this.element.src === new URL(this.urlValue, location.href).href) void this.element.reload().catch(() => undefined);
    else this.element.src = this.urlValue;
  }
}
