import { Controller } from "@hotwired/stimulus";

/** The browser's own time zone, where none was chosen. */
export default class extends Controller<HTMLInputElement | HTMLSelectElement> {
  override connect(): void {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const known = this.element instanceof HTMLInputElement || [...this.element.options].some((option) => option.value === zone);
    if (known && !this.element.hasAttribute("data-chosen")) this.element.value = zone;
  }
}
