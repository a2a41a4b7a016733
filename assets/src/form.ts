// The page of a web form: does the work that its sending costs, says its height to the site that shows it in a frame,
// and tells that site when it was sent. Without a script the form is sent all the same.

interface Done { work: string }

const form = document.querySelector<HTMLFormElement>("form[data-token]");
if (form) prepare(form);

const WAIT = 20_000; // ms for work that is not done when the form is sent

function prepare(form: HTMLFormElement): void {
  const { token = "", bits = "0", most = "0", big = "" } = form.dataset;
  const work = form.elements.namedItem("work") as HTMLInputElement;
  const worked = prove(token, Number(bits)).then((found) => { work.value = found; });
  let sent = false;
  form.addEventListener("submit", (event) => {
    if (sent || tooBig(form, Number(most), big) || losesFiles(form)) {
      event.preventDefault();
      return;
    }
    sent = true;
    if (work.value) return;
    event.preventDefault();
    const late = new Promise<void>((go) => { setTimeout(go, WAIT); });
    void Promise.race([worked, late]).catch(() => undefined).then(() => { form.submit(); });
  });
  window.addEventListener("pageshow", () => { sent = false; });
}

function prove(token: string, bits: number): Promise<string> {
  return new Promise((found, failed) => {
    const worker = new Worker(new URL("./form-work.ts", import.meta.url), { type: "module" });
    worker.addEventListener("message", ({ data }: MessageEvent<Done>) => { found(data.work); worker.terminate(); });
    worker.addEventListener("error", () => { failed(new Error("no worker")); });
    worker.postMessage({ token, bits });
  });
}

/** The browser forgets chosen files when the page comes back to be corrected, so what it can see itself it says before. */
function losesFiles(form: HTMLFormElement): boolean {
  const chosen = [...form.querySelectorAll<HTMLInputElement>("input[type=file]")].some((input) => input.files?.length);
  return chosen && !form.reportValidity();
}

function tooBig(form: HTMLFormElement, most: number, said: string): boolean {
  let size = 0;
  for (const input of form.querySelectorAll<HTMLInputElement>("input[type=file]"))
    for (const file of input.files ?? []) size += file.size;
  const place = document.getElementById("too-big");
  if (place) {
    place.textContent = said;
    place.hidden = size <= most;
  }
  return size > most;
}

if (window.parent !== window) {
  // Only the height and the address to go on to, both of which whoever shows the frame may know.
  const tell = (said: object): void => { window.parent.postMessage({ okno: location.pathname.split("/")[2], ...said }, "*"); };
  new ResizeObserver(() => { tell({ height: document.documentElement.offsetHeight }); }).observe(document.documentElement);
  const done = document.querySelector<HTMLElement>(".done");
  if (done) tell({ sent: true, go: done.dataset["go"] ?? "" });
}
document.getElementById("wrong")?.focus();
