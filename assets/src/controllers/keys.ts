import { visit } from "@hotwired/turbo";
import { Controller } from "@hotwired/stimulus";
import { isWriting } from "../fields";

const SWITCH = "okno.keys";

/** One-letter keys: c new, g t/c/d go, j k row, x select, e edit, z undo, ? all of them. */
export default class extends Controller<HTMLElement> {
  static override targets = ["help", "switch"];
  declare readonly helpTarget: HTMLDialogElement;
  declare readonly switchTarget: HTMLInputElement;

  #go = 0; // when g was pressed

  override connect(): void {
    document.addEventListener("keydown", this.#press);
  }

  switchTargetConnected(box: HTMLInputElement): void {
    box.checked = localStorage.getItem(SWITCH) !== "off";
  }

  override disconnect(): void {
    document.removeEventListener("keydown", this.#press);
  }

  help(): void {
    for (const menu of document.querySelectorAll<HTMLDetailsElement>("details.menu[open]")) menu.open = false;
    this.helpTarget.showModal();
  }

  switch(): void {
    localStorage.setItem(SWITCH, this.switchTarget.checked ? "on" : "off");
  }

  #press = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target)) return;
    if (document.querySelector("dialog[open]") || localStorage.getItem(SWITCH) === "off") return;
    const act = this.#action(event.key);
    if (!act) return;
    event.preventDefault();
    act();
  };

  #action(key: string): (() => void) | undefined {
    const going = Date.now() - this.#go < 1500;
    this.#go = 0;
    if (going) {
      const place = { t: "keysToday", c: "keysContacts", d: "keysDeals" }[key];
      return place ? () => visit(this.element.dataset[place]!) : undefined;
    }
    switch (key) {
      case "g": return () => void (this.#go = Date.now());
      case "c": return () => this.#new();
      case "j": return () => this.#step(1);
      case "k": return () => this.#step(-1);
      case "x": return () => this.#row()?.querySelector<HTMLInputElement>("input[type=checkbox]")?.click();
      case "e": return () => (this.#row() ?? document).querySelector<HTMLElement>("[data-edit]")?.click();
      case "z": return () => [...document.querySelectorAll<HTMLElement>(".toast-ok .undo")].at(-1)?.click();
      case "?": return () => this.help();
      default: return undefined;
    }
  }

  #new(): void {
    const menu = document.querySelector<HTMLDetailsElement>("#new-menu")!;
    menu.open = true;
    menu.querySelector<HTMLElement>(".menu-pop a")?.focus();
  }

  #rows(): HTMLElement[] {
    return [...document.querySelectorAll<HTMLElement>(".rows tbody tr, [data-row]")];
  }

  #row(): HTMLElement | undefined {
    return this.#rows().find((row) => row.contains(document.activeElement));
  }

  #step(by: number): void {
    const rows = this.#rows();
    const at = rows.findIndex((row) => row.contains(document.activeElement));
    const row = rows[at < 0 ? 0 : Math.min(Math.max(at + by, 0), rows.length - 1)];
    row?.querySelector<HTMLElement>("a.main, a")?.focus();
  }
}
