import { Controller } from "@hotwired/stimulus";
import { Options, STEPS } from "../options";

// What stands between an @ and the caret: words, not ended by a space. An @ within a word is an e-mail address.
const BEGUN = /(?<![\p{L}\p{N}._-])@((?:[^\s@](?:[^@\n]{0,60}[^\s@])?)?)$/u;

/**
 * Colleagues to choose from while an @ and letters are typed. A text of several lines may be no combobox (ARIA in HTML):
 * it stays a text field whose active descendant is in the list, and the status says that there is one.
 */
export default class extends Controller<HTMLElement> {
  static override targets = ["list", "status"];
  static override values = { url: String };
  declare readonly listTarget: HTMLElement;
  declare readonly statusTarget: HTMLElement;
  declare readonly urlValue: string;

  #field!: HTMLTextAreaElement;
  #options!: Options;
  #timer: number | undefined;
  #asking: AbortController | undefined;
  #done = "-"; // where an @ stood, and what behind it named nobody or was waved away: with more letters it does, too

  override connect(): void {
    this.#field = this.element.querySelector("textarea")!;
    this.#options = new Options(this.#field, this.listTarget);
  }

  override disconnect(): void {
    this.close();
  }

  ask(): void {
    this.#stop();
    const begun = this.#begun();
    if (!begun || begun.startsWith(this.#done)) this.close();
    else this.#timer = window.setTimeout(() => void this.#fetch(begun), 80);
  }

  async #fetch(begun: string): Promise<void> {
    const { signal } = (this.#asking = new AbortController());
    const url = new URL(this.urlValue, location.href);
    url.searchParams.set("q", begun.slice(begun.indexOf("@") + 1));
    const found = await fetch(url, { signal })
      .then((response) => (response.ok && !response.redirected ? response.text() : undefined))
      .catch(() => undefined);
    if (found === undefined) return; // an older question, or offline: what was found stays
    this.listTarget.innerHTML = found;
    const count = this.#options.all().length;
    if (!count) {
      this.#done = begun;
      return this.close();
    }
    this.listTarget.hidden = false;
    this.#field.setAttribute("aria-autocomplete", "list");
    this.#field.setAttribute("aria-controls", this.listTarget.id);
    this.#options.begin();
    this.listTarget.scrollIntoView({ block: "nearest" });
    this.statusTarget.textContent = this.statusTarget.dataset.some!.replace("{n}", String(count));
  }

  press(event: KeyboardEvent): void {
    if (this.listTarget.hidden || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in STEPS) this.#options.move(STEPS[event.key]!);
    else if (event.key === "Escape") this.#wave();
    else if (event.key === "Enter" || event.key === "Tab") this.#choose(this.#options.pointed()!);
    else {
      if (/^(Arrow|Home|End|Page)/.test(event.key)) this.close(); // the caret leaves the name
      return;
    }
    event.preventDefault();
  }

  #wave(): void {
    this.#done = this.#begun() ?? this.#done;
    this.close();
  }

  /** A press in the list leaves the caret where it is. */
  stay(event: Event): void {
    event.preventDefault();
  }

  click(event: Event): void {
    const option = (event.target as Element).closest<HTMLElement>("[role=option]");
    if (option) this.#choose(option);
  }

  #choose(option: HTMLElement): void {
    const { value, selectionEnd: caret } = this.#field;
    const rest = value[caret] === " " ? caret + 1 : caret;
    this.#field.setRangeText(`@${option.dataset.name} `, value.lastIndexOf("@", caret - 1), rest, "end");
    this.#field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  close(): void {
    this.#stop();
    this.listTarget.hidden = true;
    this.listTarget.replaceChildren();
    this.statusTarget.textContent = "";
    for (const name of ["autocomplete", "controls", "activedescendant"]) this.#field.removeAttribute(`aria-${name}`);
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#asking?.abort();
  }

  /** Where the @ before the caret stands, and the letters behind it: "12@dv". */
  #begun(): string | undefined {
    const { value, selectionStart, selectionEnd } = this.#field;
    const found = selectionStart === selectionEnd && BEGUN.exec(value.slice(0, selectionEnd));
    return found ? `${found.index}${found[0]}` : undefined;
  }
}
