import Modeler from "bpmn-js/lib/Modeler";
import NavigatedViewer from "bpmn-js/lib/NavigatedViewer";
import "./designer.css";
import { kit, type Drawn, type Meant } from "./kit";
import { FOLLOWING, LOOKS, STEPS } from "./steps";

export interface Problem {
  element: string;
  words: string;
  field?: string; // which part of its work, and which argument of it: "0.stage_id"
}

const READABLE = 0.75; // smaller than this a long process is not shown whole, but from its beginning
const ROOM = 60; // pixels that an arrow takes

type Words = Record<string, string>; // by the names of steps, and by bpmn-js's own English texts
type Service = any; // eslint-disable-line -- bpmn-js's services, which it does not type

/** A drawing that is worked on. bpmn-js comes with this file, which is loaded on the designer's page alone. */
export class Designer {
  #modeler: Modeler | NavigatedViewer;

  /** On a small screen it is only looked at. */
  constructor(
    canvas: HTMLElement,
    private words: Words,
    readonly looking: boolean,
  ) {
    this.#modeler = looking ? new NavigatedViewer({ container: canvas, ...kit }) : new Modeler({ container: canvas, ...kit, additionalModules: [this.#own()] } as object);
    if (!looking) this.on("create.end", ({ shape }: { shape: Drawn }) => this.#begin(shape));
  }

  get<Found = Service>(service: string): Found {
    return this.#modeler.get(service) as Found;
  }

  async open(xml: string): Promise<void> {
    await this.#modeler.importXML(xml);
    this.fit();
  }

  async xml(): Promise<string> {
    return (await this.#modeler.saveXML({ format: true })).xml ?? "";
  }

  on(event: string, heard: (event: Service) => void): void {
    this.get("eventBus").on(event, heard);
  }

  close(): void {
    this.#modeler.destroy();
  }

  fit(): void {
    const canvas = this.get("canvas");
    canvas.zoom("fit-viewport", "auto");
    if (canvas.zoom() > 1) canvas.zoom(1, "auto");
    if (canvas.zoom() >= READABLE) return;
    const { outer, inner } = canvas.viewbox();
    const [width, height] = [outer.width / READABLE, outer.height / READABLE];
    canvas.viewbox({ x: inner.x - 30, y: inner.y + inner.height / 2 - height / 2, width, height });
  }

  /** The one element that is selected, else the process itself. */
  get selected(): Drawn {
    const found: Drawn[] = this.get("selection").get();
    const one = found.length === 1 ? (found[0]!.labelTarget ?? found[0]!) : undefined;
    return one ?? this.root;
  }

  get root(): Drawn {
    return this.get("canvas").getRootElement();
  }

  find(id: string): Drawn | undefined {
    return this.get("elementRegistry").get(id);
  }

  select(id: string): void {
    const element = this.find(id);
    if (!element || element === this.root) return this.get("selection").select(null);
    this.get("selection").select(element);
    this.get("canvas").scrollToElement(element, 80);
  }

  /** Every step, in the order that it stands in from left to right. */
  steps(): Drawn[] {
    const all: Drawn[] = this.get("elementRegistry").filter((one: Drawn) => isStep(one));
    return all.sort((one, other) => one.x - other.x || one.y - other.y);
  }

  /** A new step, dragged from the palette by the pointer. */
  drag(event: Event, step: string): void {
    this.get("create").start(event, this.#shape(step));
  }

  /** A new step behind the selected one, or where there is room; for the keyboard and for a click. */
  add(step: string): void {
    const selected = this.selected;
    const modeling = this.get("modeling");
    const shape = this.#shape(step);
    const [way] = selected.outgoing.filter((one) => one.type === "bpmn:SequenceFlow");
    let made: Drawn;
    if (STEPS[step]!.beside) {
      if (!/Task$|SubProcess$/.test(selected.type)) return;
      const corner = { x: selected.x + selected.width - 20, y: selected.y + selected.height };
      made = modeling.createShape(shape, corner, selected, { attach: true });
    } else if (way && step !== "end" && step !== "start" && !/Gateway$/.test(selected.type)) {
      made = this.#between(selected, way, shape);
    } else if (selected !== this.root && isStep(selected) && selected.type !== "bpmn:EndEvent" && step !== "start") {
      made = this.get("autoPlace").append(selected, shape);
    } else {
      const last = this.steps().at(-1);
      const middle = last ? { x: last.x + last.width + 110, y: last.y + last.height / 2 } : { x: 200, y: 200 };
      made = modeling.createShape(shape, middle, this.root);
    }
    this.#begin(made);
    this.select(made.id);
  }

  /** What holds steps of its own gets a way through it. */
  #begin(part: Drawn): void {
    if (part.type !== "bpmn:SubProcess" || part.children?.length) return;
    const start = this.get("modeling").createShape(this.#shape("start"), { x: part.x + 60, y: part.y + part.height / 2 }, part);
    this.get("autoPlace").append(start, this.#shape("end"));
  }

  /** A new step within an arrow; what stands to the right makes room. */
  #between(source: Drawn, way: Drawn, shape: Drawn): Drawn {
    const right = source.x + source.width;
    const later = this.steps().filter((one) => one.x >= right && one.parent === source.parent && !one.host);
    if (later.length) this.get("modeling").moveElements(later, { x: shape.width + ROOM, y: 0 });
    const middle = { x: right + ROOM + shape.width / 2, y: source.y + source.height / 2 };
    return this.get("modeling").createShape(shape, middle, way);
  }

  connect(from: Drawn, to: Drawn): void {
    this.get("modeling").connect(from, to);
  }

  remove(element: Drawn): void {
    this.get("modeling").removeElements([element]);
  }

  make(type: string, values: Record<string, unknown>, parent?: Meant): Meant {
    const made: Meant = this.get("moddle").create(type, values);
    if (parent) made.$parent = parent;
    return made;
  }

  /** Marks the elements about which something is to be said. */
  mark(problems: Problem[]): void {
    const canvas = this.get("canvas");
    const overlays = this.get("overlays");
    overlays.remove({ type: "problem" });
    this.get("elementRegistry").forEach((one: Drawn) => canvas.removeMarker(one, "problem"));
    for (const id of new Set(problems.map((one) => one.element))) {
      const element = this.find(id);
      if (!element || element === this.root) continue;
      canvas.addMarker(element, "problem");
      if (!element.waypoints) {
        const html = document.createElement("span");
        html.className = "problem-mark";
        html.textContent = "!";
        html.title = problems.filter((one) => one.element === id).map((one) => one.words).join("\n");
        overlays.add(element, "problem", { position: { top: -10, right: 10 }, html });
      }
    }
  }

  #shape(step: string): Drawn {
    const { type, event, holds, means = [] } = STEPS[step]!;
    const options = { ...(event && { eventDefinitionType: event }), ...(holds && { isExpanded: true }) };
    const shape: Drawn = this.get("elementFactory").createShape({ type, ...options });
    const object = shape.businessObject;
    if (/Task$|SubProcess$/.test(type)) object.name = this.words[step] ?? "";
    if (means.length) {
      const holder = this.make("bpmn:ExtensionElements", { values: [] }, object);
      holder.values = means.map(([name, values, given = {}]) => {
        const part = this.make(`okno:${name}`, values, holder);
        const args = Object.entries(given).map(([name, value]) => this.make("okno:Arg", { name, value }, part));
        return args.length ? Object.assign(part, { args }) : part;
      });
      object.extensionElements = holder;
    }
    return shape;
  }

  /** Our palette is on the page, with words; and beside a selected step stand only steps that run here. */
  #own(): object {
    const words = this.words;
    const append = (event: Event, source: Drawn, step: string, dragged: boolean) => {
      if (dragged) this.get("create").start(event, this.#shape(step), { source });
      else this.get("autoPlace").append(source, this.#shape(step));
    };
    const entries = (element: Drawn): Record<string, object> => {
      if (!isStep(element)) return { remove: this.#removal() };
      const following = element.type === "bpmn:EndEvent" ? [] : FOLLOWING;
      const added = following.map((step) => [
        `append.${step}`,
        {
          group: "model",
          className: LOOKS[step],
          title: words[step],
          action: { click: (event: Event) => append(event, element, step, false), dragstart: (event: Event) => append(event, element, step, true) },
        },
      ]);
      const line = { group: "connect", className: "bpmn-icon-connection-multi", title: words.connect, action: { click: this.#line, dragstart: this.#line } };
      return { ...Object.fromEntries(added), ...(following.length ? { connect: line } : {}), remove: this.#removal() };
    };
    return {
      translate: ["value", (text: string, values: Words = {}) => (words[text] ?? text).replace(/{([^}]+)}/g, (_all, name) => values[name] ?? `{${name}}`)],
      paletteProvider: ["value", {}],
      contextPadProvider: ["type", ["contextPad", function (this: object, pad: Service) { pad.registerProvider({ getContextPadEntries: entries }); }]],
    };
  }

  #line = (event: Event, element: Drawn): void => this.get("connect").start(event, element);

  #removal(): object {
    return { group: "edit", className: "bpmn-icon-trash", title: this.words.remove, action: { click: (_event: Event, element: Drawn) => this.remove(element) } };
  }
}

export function isStep(element: Drawn): boolean {
  return !element.labelTarget && !element.waypoints && /Event$|Task$|Gateway$|SubProcess$/.test(element.type);
}
