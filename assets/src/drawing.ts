import { BarChart, type BarSeriesOption } from "echarts/charts";
import { GridComponent, LegendComponent, type GridComponentOption, type LegendComponentOption } from "echarts/components";
import { init, use, type ComposeOption, type EChartsType } from "echarts/core";
import { LabelLayout } from "echarts/features";
import { CanvasRenderer } from "echarts/renderers";
import type { Drawn, Series } from "./drawn-table";

// The canvas writes no style into the page, as the content policy asks; ECharts' tooltips would, so there are none.
use([BarChart, GridComponent, LegendComponent, LabelLayout, CanvasRenderer]);

type Option = ComposeOption<BarSeriesOption | GridComponentOption | LegendComponentOption>;

const BAR = 20;
const ROW = 36;
const MOST = 12; // bars to the right; further lines are in the table

/** One chart: bars to the right for a list of names, or columns for months. ECharts is loaded with this file. */
export class Drawing {
  #chart: EChartsType;
  #drawn: Drawn | undefined;
  #shape: "rows" | "columns" = "rows";

  constructor(
    private element: HTMLElement,
    go: (url: string) => void,
  ) {
    element.replaceChildren(); // what a page copy of Turbo has left
    element.role = "img";
    element.style.height = "16rem";
    this.#chart = init(element, null, { renderer: "canvas" });
    this.#chart.on("click", ({ seriesIndex, dataIndex }) => {
      const href = this.#drawn?.series[seriesIndex ?? 0]?.cells[dataIndex]?.href;
      if (href) go(href);
    });
  }

  show(shape: "rows" | "columns", drawn: Drawn): void {
    this.#shape = shape;
    this.#drawn = drawn;
    this.element.ariaLabel = spoken(drawn);
    const rows = Math.min(drawn.names.length, MOST);
    this.element.style.height = shape === "rows" ? `${rows * ROW + (drawn.series.length > 1 ? 36 : 8)}px` : "16rem";
    this.#draw();
  }

  resize(): void {
    if (this.#drawn && this.element.clientWidth) this.#draw();
  }

  dispose(): void {
    this.#chart.dispose();
  }

  #draw(): void {
    this.#chart.resize();
    const option = this.#shape === "rows" ? bars(this.#drawn!, this.element.clientWidth) : columns(this.#drawn!, this.element.clientWidth);
    this.#chart.setOption({ animation: false, textStyle: { fontFamily: '"Inter Variable", sans-serif' }, ...option }, true);
  }
}

function bars(drawn: Drawn, width: number): Option {
  const names = drawn.names.slice(0, MOST);
  const label = Math.min(150, Math.max(...names.map((name) => name.length)) * 7.5 + 12, width * 0.38);
  const sides = drawn.sides.some(Boolean);
  const totals = names.map((_, row) => drawn.series.reduce((sum, one) => sum + one.cells[row]!.value, 0));
  const last = drawn.series.length - 1;
  const end = (row: number): string => {
    const shown = last ? drawn.ends[row]! : drawn.series[0]!.cells[row]!.text;
    return last || !drawn.ends[row] ? `{b|${shown}}` : `{b|${shown}}  ${drawn.ends[row]}`;
  };
  const axis = { type: "category", inverse: true, axisLine: { show: false }, axisTick: { show: false } } as const;
  return {
    grid: { left: label, right: sides ? 64 : 8, top: last ? 32 : 4, bottom: 4, outerBoundsMode: "none" },
    legend: legend(drawn.series),
    xAxis: { type: "value", show: false, max: Math.max(1, ...totals) * (width < 420 ? 1.6 : 1.28) },
    yAxis: [
      { ...axis, data: names, axisLabel: { color: ink("ink"), fontSize: 13, align: "left", margin: label - 4, width: label - 12, overflow: "truncate" } },
      ...(sides ? [{ ...axis, position: "right", data: drawn.sides.slice(0, MOST), axisLabel: { color: ink("ink-3"), fontSize: 12, align: "right", margin: 60 } } as const] : []),
    ],
    series: drawn.series.map((one, index) => ({
      ...series(one, "all"),
      barWidth: BAR,
      data: one.cells.slice(0, MOST).map((cell) => ({ value: cell.value, cursor: cell.href ? "pointer" : "default" })),
      label: {
        show: index === last,
        position: "right",
        distance: 8,
        color: ink("ink-2"),
        fontSize: 12,
        formatter: ({ dataIndex }) => end(dataIndex),
        rich: { b: { fontWeight: 650, color: ink("ink"), fontSize: 13 } },
      },
    })),
  };
}

function columns(drawn: Drawn, width: number): Option {
  const side = Math.max(4, 32 - width / Math.max(1, drawn.names.length) / 2); // the first month's name is wider than its bars
  return {
    grid: { left: side, right: side, top: drawn.series.length > 1 ? 44 : 24, bottom: 24, outerBoundsMode: "none" },
    legend: legend(drawn.series),
    xAxis: {
      type: "category",
      data: drawn.names,
      axisTick: { show: false },
      axisLine: { lineStyle: { color: ink("line") } },
      axisLabel: { color: ink("ink-2"), fontSize: 12, hideOverlap: true },
    },
    yAxis: { type: "value", show: false },
    series: drawn.series.map((one) => ({
      ...series(one, one.name),
      barMaxWidth: 44,
      barGap: "12%",
      barCategoryGap: "36%",
      data: one.cells.map((cell) => ({ value: cell.value, cursor: cell.href ? "pointer" : "default" })),
      label: {
        show: true,
        position: "top",
        color: ink("ink-2"),
        fontSize: 12,
        formatter: ({ dataIndex }) => (one.cells[dataIndex]!.value ? one.cells[dataIndex]!.text : ""),
      },
      labelLayout: { hideOverlap: true },
    })),
  };
}

function series(one: Series, stack: string): BarSeriesOption {
  const plan = one.colour === "plan";
  const colour = ink(`chart-${plan ? "1" : one.colour}`);
  return {
    type: "bar",
    name: one.name,
    stack,
    emphasis: { disabled: true },
    itemStyle: plan ? { color: ink("accent-tint"), borderColor: colour, borderWidth: 1.5, borderType: "dashed", borderRadius: 3 } : { color: colour, borderRadius: 3 },
  };
}

function legend(of: Series[]): LegendComponentOption {
  const textStyle = { color: ink("ink-2"), fontSize: 12 };
  return { show: of.length > 1, left: 0, top: 0, itemWidth: 10, itemHeight: 10, icon: "roundRect", selectedMode: false, textStyle };
}

/** A colour of the tokens as the page shows it now; a canvas cannot read `light-dark()` by itself. */
function ink(token: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(--${token})`;
  document.body.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

/** The numbers for whoever hears the page: "Request: 94; Called: 81, 86 %". */
function spoken({ names, series, ends, sides }: Drawn): string {
  const line = (row: number) => [...series.map((one) => (series.length > 1 ? `${one.name} ${one.cells[row]!.text}` : one.cells[row]!.text)), ends[row], sides[row]].filter(Boolean).join(", ");
  return names.map((name, row) => `${name}: ${line(row)}`).join("; ");
}
