import { visit } from "@hotwired/turbo";
import { Controller } from "@hotwired/stimulus";
import { isWriting } from "../fields";
import { Options, STEPS } from "../options";

/** Finds records and things to do: `/` or Ctrl+K, type, arrows, Enter. A combobox over a listbox of links. */
export default class extends Controller<HTMLElement> {
  static override targets = ["dialog", "input", "hits", "status"];
  declare readonly dialogTarget: HTMLDialogElement;
  declare readonly inputTarget: HTMLInputElement;
  declare readonly hitsTarget: HTMLElement;
  declare readonly statusTarget: HTMLElement;

  #timer: number | undefined;
  #asking: AbortController | undefined;

  override connect(): void {
    document.addEventListener("keydown", this.#key);
  }

  override disconnect(): void {
    document.removeEventListener("keydown", this.#key);
    this.#asking?.abort();
  }

  /** Asked anew each time: while Turbo draws a page, the dialog is on its way from the old one. */
  get #options(): Options<HTMLAnchorElement> {
    return new Options(this.inputTarget, this.hitsTarget);
  }

  #key = (event: KeyboardEvent): void => {
    const slash = event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !isWriting(event.target);
    const controlK = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey);
    if (slash || controlK) this.open(event);
  };

  open(event: Event): void {
    event.preventDefault();
    if (document.querySelector("dialog[open]")) return;
    this.dialogTarget.showModal();
    this.inputTarget.select();
    void this.#fetch();
  }

  close(): void {
    this.dialogTarget.close();
  }

  ask(): void {
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.#fetch(), 120);
  }

  async #fetch(): Promise<void> {
    this.#asking?.abort();
    this.#asking = new AbortController();
    const url = new URL(this.dialogTarget.dataset.paletteUrl!, location.href);
    url.searchParams.set("q", this.inputTarget.value);
    const headers = { Accept: "text/html", "Turbo-Frame": "hits" };
    const response = await fetch(url, { headers, signal: this.#asking.signal }).catch(() => null);
    if (!response?.ok) return; // an older question, or offline: what was found stays
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    this.hitsTarget.replaceChildren(...(page.querySelector("turbo-frame#hits")?.childNodes ?? []));
    const count = this.#options.begin();
    this.inputTarget.ariaExpanded = String(count > 0);
    const { none, some } = this.statusTarget.dataset;
    this.statusTarget.textContent = count ? some!.replace("{n}", String(count)) : none!;
  }

  move(event: KeyboardEvent): void {
    const by = STEPS[event.key];
    if (event.key === "Escape") {
      event.preventDefault(); // the browser's own Esc empties a search field first
      this.close();
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      const option = this.#options.pointed();
      if (option) window.open(option.href, "_blank", "noopener");
    } else if (by) {
      event.preventDefault();
      this.#options.move(by);
    }
  }

  /** Enter: the option pointed at, or the whole page of results. */
  choose(event: Event): void {
    event.preventDefault();
    const url = new URL(this.dialogTarget.dataset.paletteUrl!, location.href);
    url.searchParams.set("q", this.inputTarget.value);
    const option = this.#options.pointed();
    this.close();
    if (option) option.click();
    else visit(url.href);
  }
}
