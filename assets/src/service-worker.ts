/// <reference lib="webworker" />
// Shows what is pushed and opens what it leads to. It keeps no page and answers no request.
export {};
declare const self: ServiceWorkerGlobalScope;

interface Message {
  title: string;
  text: string;
  url: string;
  tag: string;
}

self.addEventListener("install", () => void self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("push", (event) => {
  const message = event.data?.json() as Message | undefined;
  if (!message) return;
  const { title, text, url, tag } = message;
  event.waitUntil(self.registration.showNotification(title, { body: text, tag, data: { url } }));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(String(event.notification.data.url)));
});

/** In a window of Okno that is open already, else in a new one. */
async function open(path: string): Promise<void> {
  const url = new URL(path, self.location.origin);
  if (url.origin !== self.location.origin) return;
  const [client] = await self.clients.matchAll({ type: "window" });
  if (client && (await client.navigate(url.href).catch(() => null))) await client.focus();
  else await self.clients.openWindow(url.href);
}
