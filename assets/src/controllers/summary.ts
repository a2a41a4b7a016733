import { Controller } from "@hotwired/stimulus";

/** While a form is filled in, shows what the server says storing it would mean. */
export default class extends Controller<HTMLFormElement> {
  static override targets = ["said"];
  static override values = { url: String };
  declare readonly saidTarget: HTMLElement;
  declare readonly urlValue: string;

  #timer = 0;

  ask(event: Event): void {
    const choice = event.target as HTMLElement;
    if (choice instanceof HTMLSelectElement && choice.dataset.was !== undefined) {
      choice.className = choice.className.replace(/\b([sr])-\w+/, `$1-${choice.value || "open"}`);
      choice.classList.toggle("changed", choice.value !== choice.dataset.was);
    }
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.#fetch(), 150);
  }

  async #fetch(): Promise<void> {
    const body = new URLSearchParams(new FormData(this.element) as unknown as Record<string, string>);
    const answer = await fetch(this.urlValue, { method: "POST", body }).catch(() => null);
    if (answer?.ok) this.saidTarget.innerHTML = await answer.text();
  }
}
