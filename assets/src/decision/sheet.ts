/** A decision table as the server and the page have it (crm/processes/tables.py). */
export interface Column {
  label: string;
  kind: string; // text, number, yesno, date
  expression: string; // of an input: what it looks at
  name: string; // of an output: by what later steps know it
}

export interface Row {
  when: string[];
  then: string[];
  note: string;
}

export interface Sheet {
  policy: string;
  inputs: Column[];
  outputs: Column[];
  rows: Row[];
}

export type Side = "inputs" | "outputs";

export const CELLS = { inputs: "when", outputs: "then" } as const;

export function emptyRow(sheet: Sheet): Row {
  return { when: sheet.inputs.map(() => ""), then: sheet.outputs.map(() => ""), note: "" };
}

export function moved<Item>(items: Item[], from: number, by: number): boolean {
  const to = from + by;
  if (to < 0 || to >= items.length) return false;
  items.splice(to, 0, ...items.splice(from, 1));
  return true;
}

export function addColumn(sheet: Sheet, side: Side, column: Column): void {
  sheet[side].push(column);
  for (const row of sheet.rows) row[CELLS[side]].push("");
}

export function moveColumn(sheet: Sheet, side: Side, at: number, by: number): boolean {
  if (!moved(sheet[side], at, by)) return false;
  for (const row of sheet.rows) moved(row[CELLS[side]], at, by);
  return true;
}

/** The last column of a side stays. */
export function removeColumn(sheet: Sheet, side: Side, at: number): boolean {
  if (sheet[side].length < 2) return false;
  sheet[side].splice(at, 1);
  for (const row of sheet.rows) row[CELLS[side]].splice(at, 1);
  return true;
}

/** What stands in a row's cells from left to right, to be read and written by number. */
export function cellAt(row: Row, at: number): { get: () => string; set: (text: string) => void } {
  const [list, index] = at < row.when.length ? [row.when, at] : [row.then, at - row.when.length];
  if (index < list.length) return { get: () => list[index]!, set: (text) => (list[index] = text) };
  return { get: () => row.note, set: (text) => (row.note = text) };
}

/** Cells that were copied from a spreadsheet, from this cell on to the right and down; new rows where there are none. */
export function paste(sheet: Sheet, row: number, column: number, text: string): void {
  const lines = text.replace(/\r?\n$/, "").split(/\r?\n/);
  lines.forEach((line, down) => {
    const into = (sheet.rows[row + down] ??= emptyRow(sheet));
    line.split("\t").forEach((cell, right) => {
      if (column + right <= into.when.length + into.then.length) cellAt(into, column + right).set(cell.trim());
    });
  });
}

/** A name for an output out of its label: "Discount in %" is discount_in. */
export function keyOf(label: string): string {
  const bare = label.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replace(/[^a-z0-9]+/g, "_").replace(/^_+|_+$/g, "").slice(0, 40);
  return /^\d/.test(bare) ? `_${bare}` : bare || "outcome";
}
