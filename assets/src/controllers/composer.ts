import { Controller } from "@hotwired/stimulus";

/** Tabs of what can be added to a record. Ctrl+Enter sends the one in view. */
export default class extends Controller<HTMLElement> {
  static override targets = ["tab", "panel"];
  declare readonly tabTargets: HTMLAnchorElement[];
  declare readonly panelTargets: HTMLElement[];

  override connect(): void {
    this.element.addEventListener("keydown", this.#send);
  }

  override disconnect(): void {
    this.element.removeEventListener("keydown", this.#send);
  }

  show(event: Event): void {
    event.preventDefault();
    this.#choose(event.currentTarget as HTMLAnchorElement);
    const panel = this.panelTargets.find((one) => !one.hidden);
    panel?.querySelector<HTMLElement>("textarea, input:not([type=hidden])")?.focus();
  }

  move(event: KeyboardEvent): void {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const at = this.tabTargets.indexOf(event.currentTarget as HTMLAnchorElement);
    const tab = this.tabTargets[(at + by + this.tabTargets.length) % this.tabTargets.length]!;
    this.#choose(tab);
    tab.focus();
  }

  #choose(tab: HTMLAnchorElement): void {
    for (const one of this.tabTargets) {
      one.ariaSelected = String(one === tab);
      one.tabIndex = one === tab ? 0 : -1;
    }
    for (const panel of this.panelTargets) panel.hidden = panel.id !== tab.getAttribute("aria-controls");
  }

  #send = (event: KeyboardEvent): void => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    (event.target as Element).closest("form")?.requestSubmit();
  };
}
