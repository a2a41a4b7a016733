import { Controller } from "@hotwired/stimulus";
import { isChanged, isField, type Field } from "../fields";

const PREFIX = "okno.draft/";
const SECRET = "[type=password], [type=file], [type=hidden], [type=submit], [type=button]";

/** Keeps what is typed into forms with data-draft-key in the browser until the server has stored it. */
export default class extends Controller<HTMLElement> {
  #timers = new Map<HTMLFormElement, number>();

  override connect(): void {
    document.addEventListener("input", this.#typed);
    document.addEventListener("change", this.#typed);
    document.addEventListener("turbo:submit-end", this.#sent);
    document.addEventListener("turbo:frame-load", this.#restoreAll);
    window.addEventListener("pagehide", this.#keepAll);
    this.#restoreAll();
  }

  override disconnect(): void {
    document.removeEventListener("input", this.#typed);
    document.removeEventListener("change", this.#typed);
    document.removeEventListener("turbo:submit-end", this.#sent);
    document.removeEventListener("turbo:frame-load", this.#restoreAll);
    window.removeEventListener("pagehide", this.#keepAll);
    this.#keepAll(); // the next page restores at once, and may be this one again
  }

  #typed = (event: Event): void => {
    const form = (event.target as Element).closest<HTMLFormElement>("form[data-draft-key]");
    if (!form) return;
    clearTimeout(this.#timers.get(form));
    this.#timers.set(form, window.setTimeout(() => this.#keep(form), 300));
  };

  #keepAll = (): void => {
    for (const [form, timer] of this.#timers) {
      clearTimeout(timer);
      this.#keep(form);
    }
  };

  #keep(form: HTMLFormElement): void {
    this.#timers.delete(form);
    const values = this.#fields(form).filter(isChanged).map((field) => [field.name, valueOf(field)]);
    try {
      if (values.length) localStorage.setItem(this.#key(form), JSON.stringify(values));
      else localStorage.removeItem(this.#key(form));
    } catch {
      // a full or forbidden store: the form itself still holds the text
    }
  }

  #restoreAll = (): void => {
    for (const form of document.querySelectorAll<HTMLFormElement>("form[data-draft-key]")) this.#restore(form);
  };

  #restore(form: HTMLFormElement): void {
    const kept = localStorage.getItem(this.#key(form));
    const fields = this.#fields(form);
    if (!kept || fields.some(isChanged) || form.querySelector(".is-invalid")) return;
    for (const [name, value] of JSON.parse(kept) as [string, string | boolean][]) {
      for (const field of fields.filter((one) => one.name === name)) setValue(field, value);
    }
    for (const hint of form.querySelectorAll<HTMLElement>("[data-draft-hint]")) hint.hidden = false;
  }

  /** The button in the hint: back to what the server knows. */
  forget(event: Event): void {
    const form = (event.target as Element).closest<HTMLFormElement>("form[data-draft-key]")!;
    localStorage.removeItem(this.#key(form));
    form.reset();
    for (const hint of form.querySelectorAll<HTMLElement>("[data-draft-hint]")) hint.hidden = true;
  }

  #sent = (event: Event): void => {
    const form = event.target as HTMLFormElement;
    const { success, fetchResponse } = (event as CustomEvent<{ success: boolean; fetchResponse?: { response: Response } }>).detail;
    const signInFirst = fetchResponse && new URL(fetchResponse.response.url).pathname === "/login";
    const waits = fetchResponse?.response.status === 402; // the plan is full, and the server keeps it until there is room
    if (!form.dataset.draftKey || !(success || waits) || signInFirst) return;
    clearTimeout(this.#timers.get(form));
    this.#timers.delete(form);
    localStorage.removeItem(this.#key(form));
    if (waits) return;
    form.reset(); // so that the page drawn next shows an empty composer, not this text again
  };

  #key(form: HTMLFormElement): string {
    return `${PREFIX}${this.element.dataset.draftOwner}/${form.dataset.draftKey}`;
  }

  #fields(form: HTMLFormElement): Field[] {
    return [...form.elements].filter(isField).filter((field) => field.name && !field.matches(SECRET));
  }
}

function valueOf(field: Field): string | boolean {
  return field.type === "checkbox" ? (field as HTMLInputElement).checked : field.value;
}

function setValue(field: Field, value: string | boolean): void {
  if (typeof value === "boolean") (field as HTMLInputElement).checked = value;
  else if (field instanceof HTMLInputElement && field.type === "radio") field.checked = field.value === value;
  else field.value = value;
}

export function forgetDrafts(): void {
  for (const key of Object.keys(localStorage)) if (key.startsWith(PREFIX)) localStorage.removeItem(key);
}
