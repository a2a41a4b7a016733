/** What this browser has agreed to, if anything. */
export async function subscription(): Promise<PushSubscription | null> {
  if (!("serviceWorker" in navigator)) return null;
  const worker = await navigator.serviceWorker.getRegistration("/").catch(() => undefined);
  return (await worker?.pushManager?.getSubscription()) ?? null;
}

/** Ends push in this browser and takes away what it still shows. Returns the address that is worth nothing now. */
export async function forgetPush(): Promise<string | null> {
  const present = await subscription();
  const worker = await navigator.serviceWorker?.getRegistration("/").catch(() => undefined);
  for (const shown of (await worker?.getNotifications().catch(() => [])) ?? []) shown.close();
  await present?.unsubscribe().catch(() => undefined);
  return present?.endpoint ?? null;
}
