/** A listbox steered from a field that keeps the focus: which option is pointed at, for eyes and for screen readers. */
export class Options<Option extends HTMLElement = HTMLElement> {
  constructor(
    readonly field: HTMLElement,
    readonly list: HTMLElement,
  ) {}

  all(): Option[] {
    return [...this.list.querySelectorAll<Option>("[role=option]")];
  }

  pointed(): Option | undefined {
    return this.all().find((option) => option.ariaSelected === "true");
  }

  /** The list has new options: point at the first. Returns how many there are. */
  begin(): number {
    const options = this.all();
    options.forEach((option, at) => Object.assign(option, { id: `${this.list.id}-${at}`, tabIndex: -1 }));
    this.#point(options[0]);
    return options.length;
  }

  move(by: number): void {
    const options = this.all();
    const at = options.findIndex((option) => option === this.pointed());
    this.#point(options[(at + by + options.length) % options.length]);
  }

  #point(option: Option | undefined): void {
    for (const other of this.all()) other.ariaSelected = String(other === option);
    if (option) this.field.setAttribute("aria-activedescendant", option.id);
    else this.field.removeAttribute("aria-activedescendant");
    option?.scrollIntoView({ block: "nearest" });
  }
}

/** Which way an arrow moves in a list. */
export const STEPS: Record<string, number> = { ArrowDown: 1, ArrowUp: -1 };
