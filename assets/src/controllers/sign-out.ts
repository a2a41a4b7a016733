import { cache } from "@hotwired/turbo";
import { Controller } from "@hotwired/stimulus";
import { forgetPush } from "../push";
import { forgetDrafts } from "./draft";

/** On a shared computer nothing stays behind: no drafts, no copies of pages, nothing that is still pushed. */
export default class extends Controller<HTMLFormElement> {
  override connect(): void {
    this.element.addEventListener("submit", this.#leave);
  }

  override disconnect(): void {
    this.element.removeEventListener("submit", this.#leave);
  }

  #leave = (): void => {
    forgetDrafts();
    cache.clear();
    void forgetPush(); // the server stops by itself, since the session ends
  };
}
