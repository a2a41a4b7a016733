import { Controller } from "@hotwired/stimulus";
import { show } from "../server";

/** A form with one file: it can be dropped on the zone, and the sending itself has a bar. */
export default class extends Controller<HTMLFormElement> {
  static override targets = ["input", "zone", "name", "bar", "message"];
  static override values = { failed: String };
  declare readonly inputTarget: HTMLInputElement;
  declare readonly zoneTarget: HTMLElement;
  declare readonly nameTarget: HTMLElement;
  declare readonly barTarget: HTMLProgressElement;
  declare readonly messageTarget: HTMLElement;
  declare readonly failedValue: string;

  override connect(): void {
    this.element.addEventListener("submit", this.#send);
    this.inputTarget.addEventListener("change", this.#chosen);
    for (const event of ["dragover", "dragleave", "drop"]) this.zoneTarget.addEventListener(event, this.#drag);
  }

  override disconnect(): void {
    this.element.removeEventListener("submit", this.#send);
    this.inputTarget.removeEventListener("change", this.#chosen);
    for (const event of ["dragover", "dragleave", "drop"]) this.zoneTarget.removeEventListener(event, this.#drag);
  }

  #drag = (event: Event): void => {
    event.preventDefault();
    this.zoneTarget.classList.toggle("over", event.type === "dragover");
    const files = event.type === "drop" && (event as DragEvent).dataTransfer?.files;
    if (!files || !files.length) return;
    this.inputTarget.files = files;
    this.#chosen();
    this.element.requestSubmit();
  };

  #chosen = (): void => {
    this.nameTarget.textContent = this.inputTarget.files?.[0]?.name ?? "";
  };

  #send = (event: Event): void => {
    event.preventDefault();
    event.stopPropagation(); // Turbo's fetch cannot tell how much was sent
    const request = new XMLHttpRequest();
    request.open("POST", this.element.action);
    request.setRequestHeader("Accept", "text/html");
    request.upload.onprogress = ({ loaded, total }) => Object.assign(this.barTarget, { hidden: false, max: total, value: loaded });
    request.onerror = () => {
      this.barTarget.hidden = true;
      this.messageTarget.hidden = false;
      this.messageTarget.textContent = this.failedValue;
    };
    request.onload = () => {
      const redirected = request.responseURL !== this.element.action;
      show(request.responseURL, { statusCode: request.status, redirected, responseHTML: request.responseText });
    };
    this.messageTarget.hidden = true;
    request.send(new FormData(this.element));
  };
}
