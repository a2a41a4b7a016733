import type { FrameElement } from "@hotwired/turbo";
import { Controller } from "@hotwired/stimulus";

/** Loads its frame again, out of the page it stands on, while a job in it runs ([data-running]). */
export default class extends Controller<FrameElement> {
  static override values = { every: { type: Number, default: 2 } };
  declare readonly everyValue: number;

  #timer: number | undefined;

  override connect(): void {
    this.#timer = window.setInterval(() => {
      if (!this.element.querySelector("[data-running]")) clearInterval(this.#timer);
      else if (!document.hidden) this.#load();
    }, this.everyValue * 1000);
  }

  override disconnect(): void {
    clearInterval(this.#timer);
  }

  /** A frame that the server sends with its own page as `src` is refused by Turbo as endless, so that is set here. */
  #load(): void {
    if (this.element.src) void this.element.reload().catch(() => undefined);
    else this.element.src = location.href;
  }
}
