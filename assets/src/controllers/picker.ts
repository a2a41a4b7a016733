import { Controller } from "@hotwired/stimulus";
import type TomSelect from "tom-select/base";

interface Found {
  value: string;
  text: string;
  sub?: string;
}

/** A select with a search: over its own options, or over records asked from `search`. Loaded where it is used. */
export default class extends Controller<HTMLSelectElement> {
  static override values = { search: String, none: String };
  declare readonly searchValue: string;
  declare readonly noneValue: string;

  #select: TomSelect | undefined;

  override async connect(): Promise<void> {
    const { default: Select } = await import("tom-select/base");
    if (!this.element.isConnected || this.#select) return;
    this.#select = new Select(this.element, {
      allowEmptyOption: !this.element.required,
      maxOptions: 200,
      searchField: ["text", "sub"],
      ...(this.searchValue ? { load: this.#load, shouldLoad: (typed: string) => typed.trim().length > 1 } : {}),
      onInitialize: () => this.element.setAttribute("aria-hidden", "true"), // its box is the labelled field now
      render: {
        option: (item: Found, escape: (text: string) => string) =>
          `<div><span>${escape(item.text)}</span>${item.sub ? ` <span class="sub">${escape(item.sub)}</span>` : ""}</div>`,
        no_results: () => `<div class="hint">${this.noneValue}</div>`,
      },
    });
  }

  override disconnect(): void {
    this.#select?.destroy();
    this.#select = undefined;
  }

  #load = async (typed: string, done: (found?: Found[]) => void): Promise<void> => {
    const url = new URL(this.searchValue, location.href);
    url.searchParams.set("q", typed);
    const response = await fetch(url, { headers: { Accept: "application/json" } }).catch(() => null);
    done(response?.ok ? ((await response.json()) as Found[]) : undefined);
  };
}
