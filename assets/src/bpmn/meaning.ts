import type { Designer } from "./designer";
import type { Drawn, Meant } from "./kit";

/** Reads and changes what Okno adds to an element; each change can be undone. */
export class Meaning {
  constructor(private designer: Designer) {}

  /** Of an element its parts of this name ("assignee"); of "form.field" those inside of the first form. */
  all(element: Drawn, path: string): Meant[] {
    const [name, inner] = path.split(".") as [string, string?];
    const found = this.#values(element).filter((one) => one.$type === typed(name));
    if (!inner) return found;
    return (found[0]?.get(`${inner}s`) as Meant[] | undefined) ?? [];
  }

  /** All parts with one of these names, in the order of the file. */
  among(element: Drawn, names: string[]): Meant[] {
    const types = names.map(typed);
    return this.#values(element).filter((one) => types.includes(one.$type));
  }

  add(element: Drawn, path: string, values: Record<string, string> = {}): Meant {
    const [name, inner] = path.split(".") as [string, string?];
    if (!inner) {
      const holder = this.#holder(element);
      const made = this.designer.make(typed(name), values, holder);
      this.#set(element, holder, { values: [...(holder.values as Meant[]), made] });
      return made;
    }
    const outer = this.all(element, name)[0] ?? this.add(element, name);
    const made = this.designer.make(typed(inner), values, outer);
    this.#set(element, outer, { [`${inner}s`]: [...((outer.get(`${inner}s`) as Meant[]) ?? []), made] });
    return made;
  }

  change(element: Drawn, part: Meant, values: Record<string, unknown>): void {
    const plain = Object.entries(values).map(([name, value]) => [name, value === "" ? undefined : value]);
    this.#set(element, part, Object.fromEntries(plain));
  }

  remove(element: Drawn, part: Meant): void {
    const outer = part.$parent!;
    const list = outer.$type === "bpmn:ExtensionElements" ? "values" : part.$type === "okno:Arg" ? "args" : "fields";
    const left = ((outer.get(list) as Meant[]) ?? []).filter((one) => one !== part);
    if (!left.length && list === "fields") return this.remove(element, outer);
    this.#set(element, outer, { [list]: left });
  }

  /** Sets one attribute of a part that there is at most one of; a part with nothing left in it goes. */
  put(element: Drawn, name: string, attribute: string, value: string): void {
    const part = this.all(element, name)[0];
    if (!part && value) this.add(element, name, { [attribute]: value });
    else if (part) this.change(element, part, { [attribute]: value });
  }

  #values(element: Drawn): Meant[] {
    const holder = element.businessObject.get("extensionElements") as Meant | undefined;
    return (holder?.get("values") as Meant[] | undefined) ?? [];
  }

  #holder(element: Drawn): Meant {
    const object = element.businessObject;
    const known = object.get("extensionElements") as Meant | undefined;
    if (known) return known;
    const made = this.designer.make("bpmn:ExtensionElements", { values: [] }, object);
    this.#set(element, object, { extensionElements: made });
    return made;
  }

  #set(element: Drawn, part: Meant, values: Record<string, unknown>): void {
    this.designer.get("modeling").updateModdleProperties(element, part, values);
  }
}

function typed(name: string): string {
  return `okno:${name[0]!.toUpperCase()}${name.slice(1)}`;
}
