import { Controller } from "@hotwired/stimulus";
import "../../decision/decision.css";
import { addColumn, cellAt, emptyRow, keyOf, moveColumn, moved, paste, removeColumn, type Column, type Sheet, type Side } from "../../decision/sheet";
import { post, Refused } from "../../server";
import { say } from "../../toasts";

interface Look {
  wrong: { at: string; words: string }[];
  rows: number[];
  said: string;
}

const PAUSE = 400; // milliseconds after the last change until it is checked
const KEPT = 50; // states that can be gone back to

/** The page of a decision table: a spreadsheet of conditions and outcomes, checked and tried while one types. */
export default class extends Controller<HTMLElement> {
  static override targets = ["policy", "table", "ifs", "thens", "heads", "rows", "tries", "said", "state", "column"];
  static override values = { sheet: Object, version: Number, words: Object, save: String, look: String, failed: String };
  declare readonly policyTarget: HTMLSelectElement;
  declare readonly tableTarget: HTMLTableElement;
  declare readonly ifsTarget: HTMLTableCellElement;
  declare readonly thensTarget: HTMLTableCellElement;
  declare readonly headsTarget: HTMLElement;
  declare readonly rowsTarget: HTMLElement;
  declare readonly triesTarget: HTMLElement;
  declare readonly saidTarget: HTMLElement;
  declare readonly stateTarget: HTMLElement;
  declare readonly columnTarget: HTMLDialogElement;
  declare readonly sheetValue: Sheet;
  declare readonly wordsValue: Record<string, string>;
  declare readonly saveValue: string;
  declare readonly lookValue: string;
  declare readonly failedValue: string;
  declare versionValue: number;

  #sheet!: Sheet;
  #past: string[] = [];
  #typed: string[] = [];
  #dirty = false;
  #timer = 0;
  #asked = 0;
  #chosen: { side: Side; at: number } | undefined;

  override connect(): void {
    this.#sheet = structuredClone(this.sheetValue);
    this.#draw();
    this.#listenToColumn();
    this.element.dataset.ready = "true";
    this.element.addEventListener("turbo:before-morph-element", this.#keep);
    addEventListener("beforeunload", this.#leaving);
    document.addEventListener("turbo:before-visit", this.#leavingPage);
    void this.#look();
  }

  override disconnect(): void {
    this.element.removeEventListener("turbo:before-morph-element", this.#keep);
    removeEventListener("beforeunload", this.#leaving);
    document.removeEventListener("turbo:before-visit", this.#leavingPage);
    clearTimeout(this.#timer);
    delete this.element.dataset.ready;
  }

  // What is done to the table

  choose(): void {
    this.#change(() => (this.#sheet.policy = this.policyTarget.value));
  }

  addRow(): void {
    this.#insertRow(this.#sheet.rows.length);
  }

  addColumn({ params: { side } }: { params: { side: Side } }): void {
    const words = side === "inputs" ? this.wordsValue.condition! : this.wordsValue.outcome!;
    const names = this.#sheet.outputs.map((one) => one.name);
    let name = keyOf(words);
    for (let number = 2; names.includes(name); number++) name = `${keyOf(words)}_${number}`;
    const column: Column = { label: words, kind: "text", expression: side === "inputs" ? "deal.stage" : "", name: side === "outputs" ? name : "" };
    this.#change(() => addColumn(this.#sheet, side, column));
    this.#openColumn(side, this.#sheet[side].length - 1);
  }

  undo(): void {
    const before = this.#past.pop();
    if (!before) return;
    this.#sheet = JSON.parse(before) as Sheet;
    this.#draw();
    this.#touched();
  }

  key(event: KeyboardEvent): void {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "s") return;
    event.preventDefault();
    void this.save();
  }

  async save(): Promise<void> {
    try {
      const fields = { sheet: JSON.stringify(this.#sheet), version: String(this.versionValue) };
      const { version, text } = await post<{ version: number; text: string }>(this.saveValue, fields, this.failedValue);
      this.versionValue = version;
      this.#dirty = false;
      this.stateTarget.textContent = text;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.stateTarget.textContent = error.message;
      say(error.message);
    }
  }

  // Drawing

  #draw(): void {
    const { inputs, outputs, rows, policy } = this.#sheet;
    this.policyTarget.value = policy;
    this.ifsTarget.colSpan = inputs.length;
    this.thensTarget.colSpan = outputs.length;
    const corner = document.createElement("td");
    const note = document.createElement("th");
    note.scope = "col";
    note.textContent = this.wordsValue.note!;
    this.headsTarget.replaceChildren(corner, ...inputs.map((one, at) => this.#head("inputs", one, at)), ...outputs.map((one, at) => this.#head("outputs", one, at)), note, document.createElement("td"));
    this.rowsTarget.replaceChildren(...rows.map((_row, at) => this.#row(at)));
    this.triesTarget.replaceChildren(...inputs.map((one, at) => this.#try(one, at)));
  }

  #head(side: Side, column: Column, at: number): HTMLElement {
    const head = this.#part("head");
    head.dataset.at = `${side}.${at}`;
    head.classList.toggle("then", side === "outputs");
    head.querySelector("[data-label]")!.textContent = column.label;
    head.querySelector("[data-sub]")!.textContent = this.columnTarget.querySelector<HTMLOptionElement>(`[data-column=kind] option[value=${column.kind}]`)!.text;
    head.querySelector("button")!.onclick = () => this.#openColumn(side, at);
    return head;
  }

  #row(at: number): HTMLElement {
    const row = this.#sheet.rows[at]!;
    const columns = [...this.#sheet.inputs, ...this.#sheet.outputs];
    const line = document.createElement("tr");
    line.dataset.at = `row.${at}`;
    const number = document.createElement("th");
    number.scope = "row";
    number.textContent = String(at + 1);
    line.append(number);
    for (let column = 0; column <= columns.length; column++) {
      const cell = this.#part("cell");
      const input = cell.querySelector("input")!;
      const label = columns[column]?.label ?? this.wordsValue.note!;
      const inside = column < row.when.length ? `when.${column}` : column < columns.length ? `then.${column - row.when.length}` : "note";
      cell.dataset.at = `${at}.${inside}`;
      cell.className = inside === "note" ? "remark" : inside.split(".")[0]!;
      cell.querySelector(".cell-label")!.textContent = label;
      input.ariaLabel = `${label}, ${this.wordsValue.row!.replace("{number}", String(at + 1))}`;
      input.value = cellAt(row, column).get();
      if (column < row.when.length) input.placeholder = this.wordsValue.any!;
      if (columns[column]?.kind === "number") input.inputMode = "text";
      input.oninput = () => this.#change(() => cellAt(this.#sheet.rows[at]!, column).set(input.value), false);
      input.onkeydown = (event) => this.#cellKey(event, at, column);
      input.onpaste = (event) => this.#paste(event, at, column);
      line.append(cell);
    }
    const tools = this.#part("tools");
    const does: Record<string, () => void> = { up: () => this.#moveRow(at, -1), down: () => this.#moveRow(at, 1), copy: () => this.#insertRow(at + 1, structuredClone(row)), delete: () => this.#deleteRow(at) };
    for (const button of tools.querySelectorAll<HTMLButtonElement>("[data-tool]")) button.onclick = does[button.dataset.tool!]!;
    line.append(tools);
    return line;
  }

  #try(column: Column, at: number): HTMLElement {
    const field = this.#part("try");
    const [label, input] = [field.querySelector("label")!, field.querySelector("input")!];
    label.textContent = column.label;
    input.id = label.htmlFor = `try-${at}`;
    input.value = this.#typed[at] ?? "";
    input.oninput = () => {
      this.#typed[at] = input.value;
      this.#soon();
    };
    return field;
  }

  #part(name: string): HTMLElement {
    return this.element.querySelector<HTMLTemplateElement>(`template[data-part="${name}"]`)!.content.firstElementChild!.cloneNode(true) as HTMLElement;
  }

  // By the keyboard

  #cellKey(event: KeyboardEvent, row: number, column: number): void {
    const input = event.currentTarget as HTMLInputElement;
    const by = event.key === "ArrowUp" ? -1 : event.key === "ArrowDown" ? 1 : 0;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.#insertRow(row + 1);
    else if (event.key === "Enter" && !event.isComposing) row + 1 < this.#sheet.rows.length ? this.#focus(row + 1, column) : this.#insertRow(row + 1, undefined, column);
    else if (by && event.altKey) this.#moveRow(row, by, column);
    else if (by) this.#focus(row + by, column);
    else if (event.key === "Escape" && input.value) input.blur();
    else return;
    event.preventDefault();
  }

  #focus(row: number, column: number): void {
    const input = this.rowsTarget.querySelectorAll("tr")[row]?.querySelectorAll<HTMLInputElement>("input.cell")[column];
    input?.focus();
    input?.select();
  }

  #paste(event: ClipboardEvent, row: number, column: number): void {
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (!/[\t\n]/.test(text.trimEnd())) return;
    event.preventDefault();
    this.#change(() => paste(this.#sheet, row, column, text));
    this.#focus(row, column);
  }

  #insertRow(at: number, row = emptyRow(this.#sheet), column = 0): void {
    this.#change(() => this.#sheet.rows.splice(at, 0, row));
    this.#focus(at, column);
  }

  #moveRow(at: number, by: number, column = 0): void {
    if (at + by < 0 || at + by >= this.#sheet.rows.length) return;
    this.#change(() => moved(this.#sheet.rows, at, by));
    this.#focus(at + by, column);
  }

  #deleteRow(at: number): void {
    this.#change(() => {
      this.#sheet.rows.splice(at, 1);
      if (!this.#sheet.rows.length) this.#sheet.rows.push(emptyRow(this.#sheet));
    });
    this.#focus(Math.min(at, this.#sheet.rows.length - 1), 0);
  }

  // Columns

  #openColumn(side: Side, at: number): void {
    this.#chosen = { side, at };
    const column = this.#sheet[side][at]!;
    for (const one of this.columnTarget.querySelectorAll<HTMLElement>("[data-only]")) one.hidden = one.dataset.only !== side;
    for (const key of ["label", "kind", "expression", "name"] as const) this.#columnField(key).value = column[key];
    const from = this.#columnField("from") as unknown as HTMLSelectElement;
    from.value = [...from.options].some((one) => one.value === column.expression) ? column.expression : "";
    this.#columnField("expression").hidden = !!from.value;
    this.columnTarget.querySelector<HTMLButtonElement>("[data-delete]")!.disabled = this.#sheet[side].length < 2;
    if (!this.columnTarget.open) this.columnTarget.showModal();
  }

  #columnField(key: string): HTMLInputElement {
    return this.columnTarget.querySelector<HTMLInputElement>(`[data-column="${key}"]`)!;
  }

  #listenToColumn(): void {
    const set = (values: Partial<Column>) => this.#change(() => Object.assign(this.#sheet[this.#chosen!.side][this.#chosen!.at]!, values));
    const from = this.#columnField("from") as unknown as HTMLSelectElement;
    from.onchange = () => {
      const option = from.selectedOptions[0]!;
      if (option.value) set({ expression: option.value, label: option.text, kind: option.dataset.kind! });
      this.#openColumn(this.#chosen!.side, this.#chosen!.at);
      if (!option.value) {
        from.value = "";
        this.#columnField("expression").hidden = false;
        this.#columnField("expression").focus();
      }
    };
    for (const key of ["label", "kind", "expression", "name"] as const) {
      const field = this.#columnField(key);
      field.onchange = () => {
        const column = this.#sheet[this.#chosen!.side][this.#chosen!.at]!;
        const follows = key === "label" && this.#chosen!.side === "outputs" && column.name.startsWith(keyOf(this.wordsValue.outcome!));
        set({ [key]: field.value.trim(), ...(follows && { name: keyOf(field.value) }) });
        if (follows) this.#columnField("name").value = column.name;
      };
    }
    for (const button of this.columnTarget.querySelectorAll<HTMLButtonElement>("[data-move]")) {
      button.onclick = () => {
        const { side, at } = this.#chosen!;
        const by = Number(button.dataset.move);
        if (at + by < 0 || at + by >= this.#sheet[side].length) return;
        this.#change(() => moveColumn(this.#sheet, side, at, by));
        this.#chosen = { side, at: at + by };
      };
    }
    this.columnTarget.querySelector<HTMLButtonElement>("[data-delete]")!.onclick = () => {
      const { side, at } = this.#chosen!;
      this.columnTarget.close();
      this.#change(() => removeColumn(this.#sheet, side, at));
    };
  }

  // Changing, checking

  #change(change: () => unknown, redraw = true): void {
    const before = JSON.stringify(this.#sheet);
    change();
    if (JSON.stringify(this.#sheet) === before) return;
    if (redraw || this.#past.at(-1) === undefined || !this.#timer) this.#past = [...this.#past, before].slice(-KEPT);
    if (redraw) this.#draw();
    this.#touched();
  }

  #touched(): void {
    this.#dirty = true;
    this.stateTarget.textContent = this.wordsValue.unsaved ?? "";
    this.#soon();
  }

  #soon(): void {
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => {
      this.#timer = 0;
      void this.#look();
    }, PAUSE);
  }

  async #look(): Promise<void> {
    const number = ++this.#asked;
    const tried = this.#sheet.inputs.map((_one, at) => this.#typed[at] ?? "");
    const fields = { sheet: JSON.stringify(this.#sheet), tried: JSON.stringify(tried) };
    const found = await post<Look>(this.lookValue, fields, this.failedValue).catch((error: unknown) => {
      if (!(error instanceof Refused)) throw error;
      return null;
    });
    if (!found || number !== this.#asked || !this.element.isConnected) return;
    const wrong = new Map(found.wrong.map((one) => [one.at, one.words]));
    for (const holder of this.tableTarget.querySelectorAll<HTMLElement>("[data-at]")) this.#mark(holder, wrong.get(holder.dataset.at!) ?? "");
    this.rowsTarget.querySelectorAll("tr").forEach((row, at) => row.classList.toggle("hit", found.rows.includes(at)));
    const numbers = found.rows.map((at) => at + 1).join(", ");
    const fits = numbers && this.wordsValue[found.rows.length > 1 ? "fit" : "fits"]!.replace("{number}", numbers);
    this.saidTarget.textContent = [fits, found.said].filter(Boolean).join(" · ");
    this.saidTarget.classList.toggle("none", !found.rows.length);
  }

  #mark(holder: HTMLElement, words: string): void {
    const said = holder.querySelector<HTMLElement>(holder.tagName === "TR" ? ".tools .cell-said" : ".cell-said")!;
    said.textContent = words;
    said.hidden = !words;
    if (holder.tagName === "TD") {
      const input = holder.querySelector("input")!;
      input.ariaInvalid = words ? "true" : null;
      input.title = words;
    }
  }

  #keep = (event: Event): void => {
    if (event.target === this.element) event.preventDefault();
  };

  #leaving = (event: BeforeUnloadEvent): void => {
    if (this.#dirty) event.preventDefault();
  };

  #leavingPage = (event: Event): void => {
    if (this.#dirty && !confirm(this.wordsValue.leave)) event.preventDefault();
  };
}
