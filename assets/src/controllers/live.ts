import { session } from "@hotwired/turbo";
import { Controller } from "@hotwired/stimulus";
import { isChanged, isField, isTick } from "../fields";
import { refresh } from "../server";

const EVERY = 30_000; // how often a page without a connection refreshes itself
const APART = 1_000; // at least this much between two refreshes

const ANYTHING = "*"; // in place of a kind: what was missed is not known

// One connection for the whole visit: the body changes with each page, the stream stays.
let stream: EventSource | undefined;
let place = "";

/** Refreshes the page when the server says that records it shows have changed. */
export default class extends Controller<HTMLElement> {
  static override targets = ["off"];
  declare readonly offTargets: HTMLElement[];

  #timer: number | undefined;
  #poll: number | undefined;
  #last = 0;
  #waiting = false;
  #lost = false;

  override connect(): void {
    this.#open();
    this.#poll = window.setInterval(() => this.#lost && this.#want(), EVERY);
    window.addEventListener("pagehide", this.#hide);
    window.addEventListener("pageshow", this.#open);
    document.addEventListener("visibilitychange", this.#resume);
    document.addEventListener("focusout", this.#resume);
    document.addEventListener("board:dropped", this.#resume);
  }

  override disconnect(): void {
    clearInterval(this.#poll);
    clearTimeout(this.#timer);
    this.#listen("removeEventListener");
    window.removeEventListener("pagehide", this.#hide);
    window.removeEventListener("pageshow", this.#open);
    document.removeEventListener("visibilitychange", this.#resume);
    document.removeEventListener("focusout", this.#resume);
    document.removeEventListener("board:dropped", this.#resume);
  }

  #open = (): void => {
    const url = this.element.dataset.liveUrl;
    if (!url) return;
    if (stream?.readyState === EventSource.CLOSED || place !== url) {
      stream?.close();
      stream = undefined;
    }
    place = url;
    stream ??= new EventSource(`${url}?since=${this.element.dataset.liveSince}`, { withCredentials: true });
    this.#listen("removeEventListener");
    this.#listen("addEventListener");
  };

  #hide = (): void => {
    stream?.close();
    stream = undefined;
  };

  #listen(how: "addEventListener" | "removeEventListener"): void {
    stream?.[how]("changed", this.#changed as EventListener);
    stream?.[how]("open", this.#opened);
    stream?.[how]("error", this.#failed);
  }

  #changed = (event: MessageEvent<string>): void => {
    const { kinds, request, members } = JSON.parse(event.data) as { kinds: string[]; request?: string | null; members?: string[] };
    if (members) {
      // Told to some members: it changes nothing for the others.
      if (!members.includes(this.element.dataset.liveMe ?? "")) return;
    }
    const anything = kinds.includes(ANYTHING);
    if (members || anything) this.dispatch("told", { target: document, detail: { kinds } });
    const shown = [...document.querySelectorAll<HTMLElement>("[data-live-kinds]")].flatMap((part) => part.dataset.liveKinds!.split(" "));
    const own = request && session.recentRequests.has(request);
    if (anything || (!own && kinds.some((kind) => shown.includes(kind)))) this.#want();
  };

  #opened = (): void => this.#show(false);

  #failed = (): void => this.#show(true);

  #show(lost: boolean): void {
    this.#lost = lost;
    for (const off of this.offTargets) off.hidden = !lost;
  }

  #want(): void {
    this.#timer ??= window.setTimeout(() => {
      this.#timer = undefined;
      void this.#refresh();
    }, Math.max(150, this.#last + APART - Date.now()));
  }

  async #refresh(): Promise<void> {
    this.#waiting = this.#held();
    if (this.#waiting) return;
    this.#last = Date.now();
    const reached = await refresh(() => !(this.#waiting = this.#held()));
    if (reached && this.#lost) this.#open(); // the browser gives up after a refused stream; we do not
  }

  /** Nothing moves while the person drags, types or looks elsewhere. */
  #held(): boolean {
    const focused = document.activeElement;
    return document.hidden || "dragging" in document.body.dataset || (isField(focused) && !isTick(focused) && isChanged(focused));
  }

  #resume = (): void => {
    if (this.#waiting) setTimeout(() => !this.#held() && this.#want());
  };
}
