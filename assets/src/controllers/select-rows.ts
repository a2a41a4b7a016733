import { Controller } from "@hotwired/stimulus";

/** Ticks rows of a list: one, a range with Shift, all; the bulk bar says how many. */
export default class extends Controller<HTMLElement> {
  static override targets = ["row", "all", "count"];
  declare readonly rowTargets: HTMLInputElement[];
  declare readonly allTargets: HTMLInputElement[];
  declare readonly countTargets: HTMLElement[];

  #last: HTMLInputElement | undefined;

  override connect(): void {
    document.addEventListener("turbo:morph", this.#show);
    this.#show();
  }

  override disconnect(): void {
    document.removeEventListener("turbo:morph", this.#show);
  }

  rowTargetConnected(): void {
    this.#show();
  }

  one(event: Event): void {
    const box = event.currentTarget as HTMLInputElement;
    if ((event as MouseEvent).shiftKey && this.#last) {
      const [from, to] = [this.rowTargets.indexOf(this.#last), this.rowTargets.indexOf(box)].sort((a, b) => a - b);
      for (const between of this.rowTargets.slice(from, to! + 1)) between.checked = box.checked;
    }
    this.#last = box;
    this.#show();
  }

  all(event: Event): void {
    for (const box of this.rowTargets) box.checked = (event.currentTarget as HTMLInputElement).checked;
    this.#show();
  }

  clear(): void {
    for (const box of this.rowTargets) box.checked = false;
    this.#show();
  }

  #show = (): void => {
    const ticked = this.rowTargets.filter((box) => box.checked);
    for (const box of this.rowTargets) box.closest("tr")!.ariaSelected = box.checked ? "true" : null;
    for (const all of this.allTargets) {
      all.checked = ticked.length > 0 && ticked.length === this.rowTargets.length;
      all.indeterminate = ticked.length > 0 && !all.checked;
    }
    for (const count of this.countTargets) count.textContent = count.dataset.text!.replace("{n}", String(ticked.length));
  };
}
