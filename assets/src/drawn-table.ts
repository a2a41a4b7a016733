/** What a table says to whoever draws it (see the macro `report`). */
export interface Series {
  name: string;
  colour: string;
  cells: { value: number; text: string; href: string | undefined }[];
}

export interface Drawn {
  names: string[];
  series: Series[];
  ends: string[]; // what stands at the end of each row's bar
  sides: string[]; // and at the right edge
}

export function read(table: HTMLTableElement): Drawn {
  const heads = [...table.tHead!.rows[0]!.cells];
  const rows = [...table.tBodies[0]!.rows];
  const column = (key: string) => heads.findIndex((head) => key in head.dataset);
  const texts = (index: number) => (index < 0 ? [] : rows.map((row) => said(row.cells[index]!)));
  return {
    names: rows.map((row) => said(row.cells[0]!)),
    series: heads.flatMap((head, index) => (head.dataset.series ? [{ name: said(head), colour: head.dataset.series, cells: rows.map((row) => cell(row.cells[index]!)) }] : [])),
    ends: texts(column("end")),
    sides: texts(column("side")),
  };
}

function cell(from: HTMLTableCellElement): Series["cells"][number] {
  return { value: Number(from.dataset.value), text: from.dataset.short ?? said(from), href: from.querySelector("a")?.href };
}

const said = (cell: HTMLTableCellElement): string => cell.textContent.trim().replace(/\s+/g, " ");
