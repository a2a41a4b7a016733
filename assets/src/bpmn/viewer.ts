import NavigatedViewer from "bpmn-js/lib/NavigatedViewer";
import { kit } from "./kit";
import "./viewer.css";

/** What stands at an element: its state as a class, and badges, each with a tone and perhaps a link. */
export interface Mark {
  state?: "walked" | "here" | "late" | "failed";
  badges?: { text: string; label: string; tone: string; href?: string }[];
}
export type Marks = Record<string, Mark>;

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}
interface Canvas {
  resized(): void;
  viewbox(): { inner: Box; outer: { width: number; height: number } };
  viewbox(box: Box): void;
  zoom(to: "fit-viewport" | number, center?: "auto"): number;
  addMarker(id: string, name: string): void;
  removeMarker(id: string, name: string): void;
}
interface Overlays {
  add(id: string, kind: string, overlay: object): string;
  remove(filter: object): void;
}
interface Registry {
  get(id: string): Partial<Box> | undefined;
}

const READABLE = 0.6; // the smallest scale at which names can be read
const EDGE = 40;

/** A drawing that is looked at. bpmn-js comes with this file, which only pages with a diagram load. */
export class Viewer {
  #viewer: NavigatedViewer;
  #marked: [string, string][] = [];

  constructor(private place: HTMLElement) {
    this.#viewer = new NavigatedViewer({ container: place, ...kit } as object);
  }

  async open(xml: string): Promise<void> {
    await this.#viewer.importXML(xml);
    this.fit();
  }

  /** All of it where that can be read, or is wanted; else as much as can, around where something stands. */
  fit(whole = false): void {
    if (!this.place.clientWidth) return; // it is out of sight: a scale of nothing would be kept
    const canvas = this.#viewer.get<Canvas>("canvas");
    canvas.resized();
    const scale = canvas.zoom("fit-viewport", "auto");
    if (scale > 1) canvas.zoom(1, "auto");
    if (scale >= READABLE || whole) return;
    const { inner, outer } = canvas.viewbox();
    const [width, height] = [outer.width / READABLE, outer.height / READABLE];
    const { x = inner.x, y = inner.y + inner.height / 2 } = this.#stands() ?? {};
    const within = (wanted: number, from: number, room: number, seen: number) =>
      room < seen ? from - (seen - room) / 2 : Math.min(Math.max(wanted - seen / 2, from - EDGE), from + room + EDGE - seen);
    canvas.viewbox({ x: within(x, inner.x, inner.width, width), y: within(y, inner.y, inner.height, height), width, height });
  }

  #stands(): Partial<Box> | undefined {
    const drawn = this.#viewer.get<Registry>("elementRegistry");
    const [id] = this.#marked.find(([, state]) => state !== "walked") ?? [];
    return id ? drawn.get(id) : undefined;
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
