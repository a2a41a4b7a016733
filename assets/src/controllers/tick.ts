import { Controller } from "@hotwired/stimulus";

/** A task is ticked at once; a refused tick comes back. */
export default class extends Controller<HTMLFormElement> {
  done(): void {
    const row = this.element.closest("li")!;
    row.classList.toggle("was");
    this.element.addEventListener("turbo:submit-end", (event) => {
      if (!(event as CustomEvent<{ success: boolean }>).detail.success) row.classList.toggle("was");
    }, { once: true });
  }
}
