import { visit } from "@hotwired/turbo";
import { Controller } from "@hotwired/stimulus";

/** Sends a GET form as it changes, so that the URL holds the whole view; empty fields stay out of it. */
export default class extends Controller<HTMLFormElement> {
  #timer: number | undefined;

  override connect(): void {
    this.element.addEventListener("input", this.#typed);
    this.element.addEventListener("submit", this.#submit);
  }

  override disconnect(): void {
    clearTimeout(this.#timer);
    this.element.removeEventListener("input", this.#typed);
    this.element.removeEventListener("submit", this.#submit);
  }

  #typed = (event: Event): void => {
    clearTimeout(this.#timer);
    const text = event.target instanceof HTMLInputElement && ["search", "text"].includes(event.target.type);
    this.#timer = window.setTimeout(() => this.#send(), text ? 300 : 0);
  };

  #submit = (event: Event): void => {
    event.preventDefault();
    clearTimeout(this.#timer);
    this.#send();
  };

  #send(): void {
    const url = new URL(this.element.action, location.href);
    const fields = [...new FormData(this.element)].filter(([, value]) => value !== "") as [string, string][];
    url.search = new URLSearchParams(fields).toString();
    if (url.href !== location.href) visit(url.href, { action: "replace" });
  }
}
