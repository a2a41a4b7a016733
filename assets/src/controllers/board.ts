import { Controller } from "@hotwired/stimulus";
import type Sortable from "sortablejs";
import { Refused, post, refresh } from "../server";
import { say } from "../toasts";

interface Place {
  list: HTMLElement;
  before: Element | null;
}

/** Moves cards between lanes by pointer, touch or keys. The move shows at once; a refused one goes back and says why. */
export default class extends Controller<HTMLElement> {
  static override targets = ["lane", "says", "refused"];
  static override values = { url: String, lifted: String, moved: String, dropped: String, returned: String, failed: String };
  declare readonly laneTargets: HTMLElement[];
  declare readonly saysTarget: HTMLElement;
  declare readonly refusedTarget: HTMLElement;
  declare readonly urlValue: string;
  declare readonly liftedValue: string;
  declare readonly movedValue: string;
  declare readonly droppedValue: string;
  declare readonly returnedValue: string;
  declare readonly failedValue: string;

  #sortables: Sortable[] = [];
  #lifted: { card: HTMLElement; from: Place } | undefined;
  #from: Place | undefined;

  override async connect(): Promise<void> {
    const { default: SortableClass } = await import("sortablejs");
    if (!this.element.isConnected) return;
    this.#sortables = this.#lists().map((list) =>
      SortableClass.create(list, {
        group: "lanes",
        animation: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 150,
        ghostClass: "ghost",
        dragClass: "drag",
        handle: matchMedia("(pointer: coarse)").matches ? ".grip" : ".deal", // a finger must still scroll
        onStart: ({ item }) => {
          document.body.dataset.dragging = "";
          this.#from = placeOf(item);
        },
        onEnd: ({ item }) => {
          this.#rest();
          if (this.#from) void this.#store(item, this.#from);
        },
      }),
    );
  }

  override disconnect(): void {
    for (const sortable of this.#sortables) sortable.destroy();
    this.#sortables = [];
    if (this.#lifted) this.#return();
  }

  key(event: KeyboardEvent): void {
    const card = (event.currentTarget as Element).closest<HTMLElement>(".deal")!;
    if (event.key === " " || event.key === "Enter") {
      event.preventDefault();
      if (this.#lifted) this.#drop();
      else this.#lift(card);
    } else if (this.#lifted && event.key === "Escape") {
      event.preventDefault();
      this.#return();
    } else if (this.#lifted && event.key.startsWith("Arrow")) {
      event.preventDefault();
      this.#move(event.key);
    }
  }

  /** The focus went elsewhere with a card lifted. */
  left(): void {
    setTimeout(() => this.#lifted && !this.#lifted.card.contains(document.activeElement) && this.#return());
  }

  #lift(card: HTMLElement): void {
    this.#lifted = { card, from: placeOf(card) };
    card.classList.add("drag");
    document.body.dataset.dragging = "";
    this.#announce(this.liftedValue, card);
  }

  #move(key: string): void {
    const { card } = this.#lifted!;
    const list = card.parentElement!;
    if (key === "ArrowUp") card.previousElementSibling?.before(card);
    else if (key === "ArrowDown") card.nextElementSibling?.after(card);
    else {
      const at = [...list.children].indexOf(card);
      const next = this.#lists()[this.#lists().indexOf(list) + (key === "ArrowRight" ? 1 : -1)];
      if (next) next.insertBefore(card, next.children[at] ?? null);
    }
    card.querySelector<HTMLElement>(".grip")!.focus();
    card.scrollIntoView({ block: "nearest", inline: "nearest" });
    this.#announce(this.movedValue, card);
  }

  #drop(): void {
    const { card, from } = this.#lifted!;
    this.#settle();
    this.#announce(this.droppedValue, card);
    void this.#store(card, from);
  }

  #return(): void {
    const { card, from } = this.#lifted!;
    from.list.insertBefore(card, from.before);
    this.#settle();
    this.#announce(this.returnedValue, card);
    card.querySelector<HTMLElement>(".grip")?.focus();
  }

  #settle(): void {
    this.#lifted!.card.classList.remove("drag");
    this.#lifted = undefined;
    this.#rest();
  }

  #rest(): void {
    delete document.body.dataset.dragging;
    this.dispatch("dropped");
  }

  async #store(card: HTMLElement, from: Place): Promise<void> {
    const to = placeOf(card);
    if (to.list === from.list && to.before === from.before) return;
    this.refusedTarget.hidden = true;
    const fields = { stage: laneOf(card).dataset.stage!, before: idOf(to.before), after: idOf(card.previousElementSibling) };
    try {
      const url = this.urlValue.replace("{id}", card.dataset.id!);
      const { text, undo } = await post<{ text: string; undo?: string }>(url, fields, this.failedValue);
      say(text, undo);
      void refresh(() => !("dragging" in document.body.dataset)); // counts and sums of the lanes
    } catch (refusal) {
      if (!(refusal instanceof Refused)) throw refusal;
      from.list.insertBefore(card, from.before);
      this.refusedTarget.hidden = false;
      this.refusedTarget.querySelector("span")!.textContent = refusal.message;
    }
  }

  #lists(): HTMLElement[] {
    return this.laneTargets.map((lane) => lane.querySelector<HTMLElement>("ol")!);
  }

  #announce(text: string, card: HTMLElement): void {
    const cards = [...card.parentElement!.children];
    const words: Record<string, string> = {
      name: card.dataset.name!,
      stage: laneOf(card).dataset.name!,
      n: String(cards.indexOf(card) + 1),
      of: String(cards.length),
    };
    this.saysTarget.textContent = text.replace(/\{(\w+)\}/g, (_, word: string) => words[word] ?? "");
  }
}

function placeOf(card: Element): Place {
  return { list: card.parentElement!, before: card.nextElementSibling };
}

function laneOf(card: Element): HTMLElement {
  return card.closest<HTMLElement>("[data-stage]")!;
}

function idOf(card: Element | null): string {
  return (card as HTMLElement | null)?.dataset.id ?? "";
}
