import { Controller } from "@hotwired/stimulus";

/** Counts down to a moment in minutes and seconds, and up again with a minus and in red once it has passed. */
export default class extends Controller<HTMLElement> {
  static override values = { until: String };
  static override targets = ["said"];
  declare readonly untilValue: string;
  declare readonly saidTarget: HTMLElement;
  #timer = 0;

  override connect(): void {
    this.#tick();
    this.#timer = window.setInterval(this.#tick, 1000);
  }

  override disconnect(): void {
    window.clearInterval(this.#timer);
  }

  #tick = (): void => {
    const left = Math.floor((Date.parse(this.untilValue) - Date.now()) / 1000);
    const minutes = Math.floor(Math.abs(left) / 60);
    const seconds = String(Math.abs(left) % 60).padStart(2, "0");
    this.saidTarget.textContent = `${left < 0 ? "\u2212" : ""}${minutes}:${seconds}`;
    this.element.classList.toggle("late", left < 0);
    this.element.classList.toggle("soon", left >= 0 && minutes < 5);
  };
}
