import okno from "./okno.json";
import "./diagram.css";

/** What the designer and a viewer give to bpmn-js alike: Okno's own elements, and the page's colours in both themes. */
export const kit = {
  moddleExtensions: { okno },
  bpmnRenderer: { defaultFillColor: "var(--pane)", defaultStrokeColor: "var(--ink-2)", defaultLabelColor: "var(--ink)" },
  textRenderer: { defaultStyle: { fontFamily: '"Inter Variable", sans-serif', fontSize: 12 }, externalStyle: { fontSize: 12 } },
};

/** A node of the BPMN file, as bpmn-moddle has it. */
export interface Meant {
  $type: string;
  $parent?: Meant;
  id?: string;
  name?: string;
  get(name: string): unknown;
  [name: string]: unknown;
}

/** Something drawn: a shape or a connection. */
export interface Drawn {
  id: string;
  type: string;
  businessObject: Meant;
  x: number;
  y: number;
  width: number;
  height: number;
  parent?: Drawn;
  host?: Drawn;
  source?: Drawn;
  target?: Drawn;
  outgoing: Drawn[];
  incoming?: Drawn[];
  labelTarget?: Drawn;
  children?: Drawn[];
  waypoints?: unknown[];
}
