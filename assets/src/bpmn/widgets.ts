import { field, valuesOf } from "./arguments";
import type { Drawn, Meant } from "./kit";
import type { About } from "./panel";

const WHO = ["member", "role", "department", "head", "step", "who", "value"];
const SIMPLE = /^P(?:(T)(\d+)([MH])|(\d+)([DW]))$/;

/** Who does or hears something: one choice of `what:which`; a step or an expression has a field of its own. */
export function fillWho(holder: HTMLElement, about: About): void {
  const select = holder.querySelector("select")!;
  const text = holder.querySelector<HTMLInputElement>("[data-which]")!;
  const name = holder.dataset.of; // a part of its own ("late"), else that of the row
  const part = () => (name ? about.meaning.all(about.element, name)[0] : about.part);
  const what = part() && WHO.find((one) => part()![one] !== undefined);
  const which = what ? String(part()![what]) : "";
  const steps = select.querySelector("optgroup[data-steps]");
  steps?.replaceChildren(...about.designer.steps().filter((one) => /UserTask|ManualTask/.test(one.type) && one !== about.element).map((one) => new Option(title(one), `step:${one.id}`)));
  const known = [...select.options].find((one) => one.value === `${what}:${which}` || (what && which && one.value.startsWith(`${what}:`) && one.text === which));
  if (known) select.value = known.value;
  else if (what === "value") select.value = "value:";
  else if (what) select.add(new Option(which, `${what}:${which}`, true, true));
  const free = () => (text.hidden = select.value !== "value:");
  text.value = what === "value" ? which : "";
  free();
  const how = holder.querySelector<HTMLElement>("[data-how]");
  const several = () => how && (how.hidden = !/^(role|department):/.test(select.value));
  several();
  const store = () => {
    free();
    several();
    const [kind, ...rest] = select.value.split(":") as [string, ...string[]];
    const none = Object.fromEntries(WHO.map((one) => [one, ""]));
    const values = { ...none, ...(kind ? { [kind]: kind === "value" ? text.value : rest.join(":") } : {}) };
    const present = part();
    if (!kind && name && present) about.meaning.remove(about.element, present);
    else if (present) about.meaning.change(about.element, present, values);
    else if (kind && name) about.meaning.add(about.element, name, { [kind]: rest.join(":") });
  };
  select.onchange = store;
  text.onchange = store;
}

/** A duration as a number and a unit; anything else, an expression or a day, as it is written. */
export function fillDuration(holder: HTMLElement, about: About): void {
  const path = holder.dataset.of!;
  const [name, attribute] = path.split(".") as [string, string];
  const now = String(about.meaning.all(about.element, name)[0]?.[attribute] ?? "");
  duration(holder, now, (given) => {
    const part = about.meaning.all(about.element, name)[0];
    if (!given && part) about.meaning.remove(about.element, part);
    else about.meaning.put(about.element, name, attribute, given);
  });
}

function duration(holder: HTMLElement, now: string, store: (given: string) => void): void {
  const number = holder.querySelector<HTMLInputElement>("[data-number]")!;
  const unit = holder.querySelector<HTMLSelectElement>("[data-unit]")!;
  const text = holder.querySelector<HTMLInputElement>("[data-text]")!;
  const found = SIMPLE.exec(now);
  number.value = found ? (found[2] ?? found[4])! : "";
  unit.value = found ? (found[3] ?? found[5])!.toLowerCase() : now ? "x" : "m";
  text.value = found ? "" : now;
  const shape = () => {
    text.hidden = unit.value !== "x";
    number.hidden = unit.value === "x";
  };
  shape();
  const changed = () => {
    shape();
    const mark = unit.value.toUpperCase();
    const simple = number.value ? `P${/[MH]/.test(mark) ? "T" : ""}${number.value}${mark}` : "";
    store(unit.value === "x" ? text.value.trim() : simple);
  };
  for (const field of [number, unit, text]) field.onchange = changed;
}

/** An event: one of those with words, or any other by its name; some ask for a stage or a field. */
export function fillEvent(holder: HTMLElement, about: About): void {
  const select = holder.querySelector("select")!;
  const text = holder.querySelector<HTMLInputElement>("[data-other]")!;
  const now = String(about.part?.event ?? "");
  const known = [...select.options].some((one) => one.value === now);
  select.value = known ? now : now ? "other" : "";
  text.value = known ? "" : now;
  const shape = () => {
    text.hidden = select.value !== "other";
    for (const one of holder.parentElement!.querySelectorAll<HTMLElement>("[data-when]")) one.hidden = !one.dataset.when!.split(" ").includes(select.value.split(".")[1] ?? select.value);
  };
  shape();
  const store = () => {
    shape();
    about.meaning.change(about.element, about.part!, { event: select.value === "other" ? text.value.trim() : select.value });
  };
  select.onchange = store;
  text.onchange = store;
}

/** How long a timer waits, or until when, or how often it comes. */
export function fillTimer(holder: HTMLElement, about: About): void {
  const timer = (about.element.businessObject.get("eventDefinitions") as Meant[])[0]!;
  const kind = holder.querySelector<HTMLSelectElement>("[data-kind]")!;
  const cycle = String((timer.timeCycle as Meant | undefined)?.body ?? "");
  const now = String((timer.timeDuration as Meant | undefined)?.body ?? (timer.timeDate as Meant | undefined)?.body ?? cycle.split("/").at(-1) ?? "");
  kind.value = timer.timeCycle ? "timeCycle" : timer.timeDate ? "timeDate" : "timeDuration";
  const rounds = holder.querySelector<HTMLInputElement>("[data-rounds]")!;
  rounds.value = /^R(\d+)\//.exec(cycle)?.[1] ?? "";
  const hours = holder.querySelector<HTMLSelectElement>("[data-hours]")!;
  hours.value = String(timer.get("okno:hours") ?? "") || "always";
  const update = (values: Record<string, unknown>) => about.designer.get("modeling").updateModdleProperties(about.element, timer, values);
  hours.onchange = () => update({ "okno:hours": hours.value });
  let given = now;
  const store = () => {
    const body = kind.value === "timeCycle" ? `R${rounds.value}/${given}` : given;
    const made = given ? about.designer.make("bpmn:FormalExpression", { body }, timer) : undefined;
    update({ timeDuration: undefined, timeDate: undefined, timeCycle: undefined, [kind.value]: made });
    shape();
  };
  const shape = () => {
    rounds.parentElement!.hidden = kind.value !== "timeCycle";
  };
  duration(holder, now, (value) => {
    given = value;
    store();
  });
  kind.onchange = store;
  rounds.onchange = store;
  shape();
}

/** The arrows that lead away: where to, on which condition, which is the usual one; and one more. */
export function fillWays(holder: HTMLElement, about: About): void {
  const { element, designer } = about;
  const object = element.businessObject;
  const template = holder.querySelector("template")!;
  const deciding = element.type === "bpmn:ExclusiveGateway";
  const flows = element.outgoing.filter((one) => one.type === "bpmn:SequenceFlow");
  const modeling = designer.get("modeling");
  for (const flow of flows) {
    const row = template.content.firstElementChild!.cloneNode(true) as HTMLElement;
    row.querySelector("[data-target]")!.textContent = title(flow.target!);
    row.querySelector<HTMLButtonElement>("[data-remove]")!.onclick = () => {
      designer.remove(flow);
      about.again();
    };
    const only = row.querySelector<HTMLElement>("[data-deciding]")!;
    only.hidden = !deciding || flows.length < 2;
    const place = row.querySelector<HTMLElement>("[data-condition]")!;
    const usual = row.querySelector<HTMLInputElement>("[data-usual]")!;
    const now = String((flow.businessObject.conditionExpression as Meant | undefined)?.body ?? "").trim();
    const argument = { name: `if.${flow.id}`, label: place.dataset.condition!, type: "condition" };
    const store = (body: string) => modeling.updateProperties(flow, { conditionExpression: body ? designer.make("bpmn:FormalExpression", { body }, flow.businessObject) : undefined });
    if (!only.hidden) place.replaceChildren(field(argument, now, valuesOf(about), about.known.lists, store));
    usual.checked = object.default === flow.businessObject;
    place.hidden = usual.checked;
    usual.onchange = () => {
      modeling.updateProperties(element, { default: usual.checked ? flow.businessObject : undefined });
      if (usual.checked) modeling.updateProperties(flow, { conditionExpression: undefined });
      about.again();
    };
    const name = row.querySelector<HTMLInputElement>("[data-way]")!;
    name.value = String(flow.businessObject.name ?? "");
    name.onchange = () => modeling.updateProperties(flow, { name: name.value });
    holder.insertBefore(row, template);
  }
  const more = holder.querySelector<HTMLSelectElement>("[data-lead]")!;
  const reached = flows.map((one) => one.target);
  const others = designer.steps().filter((one) => one !== element && !reached.includes(one) && one.type !== "bpmn:StartEvent" && one.type !== "bpmn:BoundaryEvent" && one.parent === element.parent);
  more.append(...others.map((one) => new Option(title(one), one.id)));
  more.onchange = () => {
    designer.connect(element, designer.find(more.value)!);
    about.again();
  };
}

/** The code of an error or escalation, the name of a message: kept in the file beside the process. */
export function fillCode(holder: HTMLElement, about: About): void {
  const field = holder.querySelector("input")!;
  const definition = (about.element.businessObject.get("eventDefinitions") as Meant[])[0]!;
  const kind = definition.$type.replace("bpmn:", "").replace("EventDefinition", ""); // Error, Escalation, Message
  const reference = `${kind.toLowerCase()}Ref`;
  const attribute = kind === "Message" ? "name" : `${kind.toLowerCase()}Code`;
  field.value = String((definition[reference] as Meant | undefined)?.[attribute] ?? "");
  field.onchange = () => {
    const given = field.value.trim();
    const { designer, element } = about;
    const definitions = designer.root.businessObject.$parent!;
    const roots = definitions.get("rootElements") as Meant[];
    let found = roots.find((one) => one.$type === `bpmn:${kind}` && one[attribute] === given);
    if (!found && given) {
      found = designer.make(`bpmn:${kind}`, { id: designer.get("moddle").ids.nextPrefixed(`${kind}_`), name: given, [attribute]: given }, definitions);
      roots.push(found);
    }
    designer.get("modeling").updateModdleProperties(element, definition, { [reference]: given ? found : undefined });
  };
}

export function title(element: Drawn): string {
  const kind = element.type.replace("bpmn:", "");
  return String(element.businessObject.name || document.querySelector<HTMLElement>(`[data-kind-word="${kind}"]`)?.textContent || element.id);
}

