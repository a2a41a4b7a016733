import NavigatedViewer from "bpmn-js/lib/NavigatedViewer";
import "./viewer.css";

/** What stands at an element: its state as a class, and badges, each with a tone and perhaps a link. */
export interface Mark {
  state?: "walked" | "here" | "late" | "failed";
  badges?: { text: string; label: string; tone: string; href?: string }[];
}
export type Marks = Record<string, Mark>;

interface Canvas {
  resized(): void;
  zoom(to: "fit-viewport" | number, center?: "auto"): number;
  addMarker(id: string, name: string): void;
  removeMarker(id: string, name: string): void;
}
interface Overlays {
  add(id: string, kind: string, overlay: object): string;
  remove(filter: object): void;
}
interface Registry {
  get(id: string): { width?: number } | undefined;
}

/** A drawing that is looked at. bpmn-js comes with this file, which only pages with a diagram load. */
export class Viewer {
  #viewer: NavigatedViewer;
  #marked: [string, string][] = [];

  constructor(private place: HTMLElement) {
    this.#viewer = new NavigatedViewer({
      container: place,
      bpmnRenderer: { defaultFillColor: "var(--pane)", defaultStrokeColor: "var(--ink-2)", defaultLabelColor: "var(--ink)" },
      textRenderer: { defaultStyle: { fontFamily: '"Inter Variable", sans-serif', fontSize: 12 }, externalStyle: { fontSize: 12 } },
    } as object);
  }

  async open(xml: string): Promise<void> {
    await this.#viewer.importXML(xml);
    this.fit();
  }

  fit(): void {
    if (!this.place.clientWidth) return; // it is out of sight: a scale of nothing would be kept
    const canvas = this.#viewer.get<Canvas>("canvas");
    canvas.resized();
    if (canvas.zoom("fit-viewport", "auto") > 1) canvas.zoom(1, "auto");
  }

  mark(marks: Marks): void {
    const canvas = this.#viewer.get<Canvas>("canvas");
    const overlays = this.#viewer.get<Overlays>("overlays");
    const drawn = this.#viewer.get<Registry>("elementRegistry");
    for (const [id, state] of this.#marked) canvas.removeMarker(id, state);
    overlays.remove({ type: "mark" });
    this.#marked = [];
    for (const [id, { state, badges }] of Object.entries(marks)) {
      if (!drawn.get(id)) continue;
      if (state) {
        canvas.addMarker(id, state);
        this.#marked.push([id, state]);
      }
      if (badges?.length) overlays.add(id, "mark", { position: { top: -12, right: 16 + 24 * (badges.length - 1) }, html: row(badges) });
    }
  }

  close(): void {
    this.#viewer.destroy();
  }
}

function row(badges: NonNullable<Mark["badges"]>): HTMLElement {
  const place = document.createElement("div");
  place.className = "diagram-marks";
  for (const { text, label, tone, href } of badges) {
    const badge = document.createElement(href ? "a" : "span");
    badge.className = `diagram-mark ${tone}`;
    badge.textContent = text;
    badge.title = label;
    if (badge instanceof HTMLAnchorElement) {
      badge.href = href!;
      badge.ariaLabel = label;
    }
    place.append(badge);
  }
  return place;
}
