import type { FrameElement } from "@hotwired/turbo";
import { Controller } from "@hotwired/stimulus";
import { concerns, post } from "../server";

const RECORD = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/;

/** The number beside the bell: asked for again when this member was told something, and less once they look at it. */
export default class extends Controller<FrameElement> {
  static override values = { url: String, seen: String, count: Number };
  declare readonly urlValue: string;
  declare readonly seenValue: string;
  declare readonly countValue: number;

  override connect(): void {
    document.addEventListener("live:told", this.#load);
    if (this.countValue && RECORD.test(location.pathname)) void this.#see();
  }

  override disconnect(): void {
    document.removeEventListener("live:told", this.#load);
  }

  /** Whoever is on a record's page has seen what they were told of it. */
  async #see(): Promise<void> {
    const answer = await post<{ seen: number }>(this.seenValue, { at: location.pathname }, "").catch(() => null);
    if (answer?.seen) this.#load();
  }

  /** Something else than a notification may have been told: a telephone that rings. */
  #load = (event?: Event): void => {
    if (event && !concerns(event, "notification")) return;
    if (this.element.src) void this.element.reload().catch(() => undefined);
    else this.element.src = this.urlValue;
  };
}
