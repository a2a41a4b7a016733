import type { FrameElement } from "@hotwired/turbo";
import { Controller } from "@hotwired/stimulus";

/** Loads its frame again while a job in it runs ([data-running]). */
export default class extends Controller<FrameElement> {
  static override values = { every: { type: Number, default: 2 } };
  declare readonly everyValue: number;

  #timer: number | undefined;

  override connect(): void {
    this.#timer = window.setInterval(() => {
      if (!this.element.querySelector("[data-running]")) clearInterval(this.#timer);
      else if (!document.hidden) void this.element.reload().catch(() => undefined);
    }, this.everyValue * 1000);
  }

  override disconnect(): void {
    clearInterval(this.#timer);
  }
}
