import { Controller } from "@hotwired/stimulus";
import { post, Refused } from "../server";

/** Asks the browser for a passkey, or to make one, and sends its answer with the form. */
export default class extends Controller<HTMLFormElement> {
  static override targets = ["whole", "lacking", "answer", "send", "give", "said"];
  static override values = { ask: String, making: Boolean, failed: String };
  declare readonly wholeTarget: HTMLElement;
  declare readonly lackingTargets: HTMLElement[];
  declare readonly answerTarget: HTMLInputElement;
  declare readonly sendTarget: HTMLButtonElement;
  declare readonly giveTarget: HTMLButtonElement;
  declare readonly saidTarget: HTMLElement;
  declare readonly hasWholeTarget: boolean;
  declare readonly askValue: string;
  declare readonly makingValue: boolean;
  declare readonly failedValue: string;

  override connect(): void {
    const known = typeof window.PublicKeyCredential?.parseRequestOptionsFromJSON === "function";
    if (this.hasWholeTarget) this.wholeTarget.hidden = !known;
    for (const lacking of this.lackingTargets) lacking.hidden = known;
  }

  /** Enter in a field of a form that is worth nothing without a passkey. */
  first(event: Event): void {
    if (this.answerTarget.value) return;
    event.preventDefault();
    void this.give();
  }

  async give(): Promise<void> {
    this.giveTarget.disabled = true;
    this.saidTarget.hidden = true;
    try {
      const answer = await this.#answer();
      this.answerTarget.value = JSON.stringify(answer);
      this.element.requestSubmit(this.sendTarget);
    } catch (error) {
      this.saidTarget.textContent = error instanceof Refused ? error.message : this.failedValue;
      this.saidTarget.hidden = false;
    } finally {
      this.giveTarget.disabled = false;
    }
  }

  async #answer(): Promise<unknown> {
    if (this.makingValue) {
      const told = await post<PublicKeyCredentialCreationOptionsJSON>(this.askValue, {}, this.failedValue);
      const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(told);
      return (await navigator.credentials.create({ publicKey }) as PublicKeyCredential).toJSON();
    }
    const told = await post<PublicKeyCredentialRequestOptionsJSON>(this.askValue, {}, this.failedValue);
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(told);
    return (await navigator.credentials.get({ publicKey }) as PublicKeyCredential).toJSON();
  }
}
