// The one script tag that a web site takes: puts the form behind itself as a frame, as high as the form is. Served by
// each form's own address, which it reads from its tag.

(() => {
  const script = document.currentScript as HTMLScriptElement | null;
  const place = script && new URL(script.src);
  if (!script || !place) return;
  const page = new URL(place.pathname.replace(/\/embed\.js$/, ""), place.origin);
  const name = page.pathname.split("/")[2];
  page.searchParams.set("frame", "1");
  page.searchParams.set("page", location.origin + location.pathname);
  for (const [key, value] of new URLSearchParams(location.search))
    if (/^(utm_(source|medium|campaign|term|content)|gclid|fbclid)$/.test(key)) page.searchParams.set(key, value);

  const frame = document.createElement("iframe");
  frame.src = page.href;
  frame.title = script.dataset["title"] ?? "";
  frame.style.cssText = "display:block;width:100%;height:30rem;border:0";

  window.addEventListener("message", ({ origin, source, data }: MessageEvent<unknown>) => {
    if (origin !== page.origin || source !== frame.contentWindow || typeof data !== "object" || data === null) return;
    const said = data as { okno?: unknown; height?: unknown; go?: unknown };
    if (said.okno !== name) return;
    if (typeof said.height === "number" && said.height > 0 && said.height < 20_000) frame.style.height = `${said.height}px`;
    if (typeof said.go === "string" && /^https?:\/\//.test(said.go)) location.assign(said.go);
  });

  if (script.parentElement && script.parentElement !== document.head) script.after(frame);
  else document.addEventListener("DOMContentLoaded", () => { document.body.append(frame); });
})();
