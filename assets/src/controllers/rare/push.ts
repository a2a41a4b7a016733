import { Controller } from "@hotwired/stimulus";
import { forgetPush, subscription } from "../../push";
import { post } from "../../server";

/** Turns push on and off in this browser. */
export default class extends Controller<HTMLElement> {
  static override targets = ["start", "stop", "on", "off", "unable", "message"];
  static override values = { key: String, take: String, stop: String, failed: String };
  declare readonly startTarget: HTMLElement;
  declare readonly stopTarget: HTMLElement;
  declare readonly onTarget: HTMLElement;
  declare readonly offTarget: HTMLElement;
  declare readonly unableTarget: HTMLElement;
  declare readonly messageTarget: HTMLElement;
  declare readonly keyValue: string;
  declare readonly takeValue: string;
  declare readonly stopValue: string;
  declare readonly failedValue: string;

  override connect(): void {
    void this.#begin();
  }

  async #begin(): Promise<void> {
    if (!("serviceWorker" in navigator) || !("PushManager" in window)) {
      this.unableTarget.hidden = false;
      this.offTarget.hidden = true;
      return;
    }
    const present = await subscription();
    // Said anew each time, since it holds for the session in which it was said.
    if (present) await this.#tell(present).catch(() => undefined);
    this.#show(Boolean(present));
  }

  async start(): Promise<void> {
    this.messageTarget.hidden = true;
    try {
      if ((await Notification.requestPermission()) !== "granted") throw new Error(this.failedValue);
      const worker = await navigator.serviceWorker.register("/service-worker.js");
      await navigator.serviceWorker.ready;
      await this.#tell(await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: this.keyValue }));
      this.#show(true);
    } catch (error) {
      this.messageTarget.textContent = error instanceof Error && error.name !== "AbortError" && error.message ? error.message : this.failedValue;
      this.messageTarget.hidden = false;
    }
  }

  async stop(): Promise<void> {
    const endpoint = await forgetPush();
    if (endpoint) await post(this.stopValue, { endpoint }, this.failedValue).catch(() => undefined);
    this.#show(false);
  }

  async #tell(present: PushSubscription): Promise<void> {
    const { endpoint, keys } = present.toJSON();
    const browser = { endpoint: endpoint ?? "", p256dh: keys?.p256dh ?? "", auth: keys?.auth ?? "", server_key: this.keyValue };
    await post(this.takeValue, browser, this.failedValue);
  }

  #show(on: boolean): void {
    this.startTarget.hidden = this.offTarget.hidden = on;
    this.stopTarget.hidden = this.onTarget.hidden = !on;
  }
}
