import { fetch, navigator, visit } from "@hotwired/turbo";

/** A change that the server did not make. `message` is its own words, to be shown as they are. */
export class Refused extends Error {}

/** Posts form fields as a page form would, and returns the JSON answer. Throws Refused, with `otherwise` offline. */
export async function post<Answer>(url: string, fields: Record<string, string>, otherwise: string): Promise<Answer> {
  const token = document.querySelector<HTMLMetaElement>("meta[name=csrf-token]")?.content ?? "";
  const headers = { Accept: "application/json, application/problem+json", "X-CSRF-Token": token };
  const response = await fetch(url, { method: "POST", headers, body: new URLSearchParams(fields) }).catch(() => null);
  const answer = await response?.json().catch(() => null);
  if (!response?.ok || !answer) throw new Refused([answer?.title, answer?.detail].filter(Boolean).join(". ") || otherwise);
  return answer as Answer;
}

/** Draws a page that was already fetched, so that nothing is asked twice and its messages are not lost. */
export async function draw(response: Response): Promise<void> {
  const { status: statusCode, redirected } = response;
  show(response.url, { statusCode, redirected, responseHTML: await response.text() });
}

export function show(url: string, response: { statusCode: number; redirected: boolean; responseHTML: string }): void {
  const samePage = new URL(url, location.href).pathname === location.pathname;
  visit(url, { action: samePage ? "replace" : "advance", shouldCacheSnapshot: !samePage, response });
}

/**
 * Fetches the present page again and morphs it in. Turbo's own refresh leaves the page when the network fails, so it
 * is fetched here first. `mayDraw` is asked once more before drawing. False when the server could not be reached.
 */
export async function refresh(mayDraw: () => boolean = () => true): Promise<boolean> {
  const asked = location.href;
  const response = await fetch(asked, { headers: { Accept: "text/html, application/xhtml+xml" } }).catch(() => null);
  if (!response || response.status >= 500) return false;
  const html = await response.text().catch(() => null);
  if (html === null) return false;
  // Drawing now would call off a form that is being sent, or the page it leads to.
  const sending = navigator.formSubmission && navigator.formSubmission.state !== "stopped";
  const leaving = location.href !== asked || sending || navigator.currentVisit?.state === "started";
  if (!leaving && mayDraw()) show(response.redirected ? response.url : asked, { statusCode: response.status, redirected: response.redirected, responseHTML: html });
  return true;
}

/** Whether a `live:told` is about this kind; what was missed may be about anything. */
export function concerns(event: Event, kind: string): boolean {
  const { kinds } = (event as CustomEvent<{ kinds: string[] }>).detail;
  return kinds.includes(kind) || kinds.includes("*");
}
