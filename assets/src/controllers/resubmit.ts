import { Controller } from "@hotwired/stimulus";

/** Sends a form as soon as a choice in it changes, as its first button would. */
export default class extends Controller<HTMLFormElement> {
  send(): void {
    this.element.requestSubmit();
  }
}
