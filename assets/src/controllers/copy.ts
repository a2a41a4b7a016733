import { Controller } from "@hotwired/stimulus";

/** Copies a text that is in the page and says so on the button. */
export default class extends Controller<HTMLElement> {
  static override targets = ["text", "word"];
  static override values = { done: String };
  declare readonly textTarget: HTMLElement;
  declare readonly wordTarget: HTMLElement;
  declare readonly doneValue: string;

  async copy(): Promise<void> {
    await navigator.clipboard.writeText(this.textTarget.innerText.trim());
    this.wordTarget.textContent = this.doneValue;
  }
}
