/** Says what happened, as the toast macro does; `undo` is the URL that its Undo posts to. */
export function say(text: string, undo?: string | null): void {
  const template = document.querySelector<HTMLTemplateElement>("#toast-template")!;
  const toast = template.content.firstElementChild!.cloneNode(true) as HTMLElement;
  toast.querySelector("[data-toast-target=text]")!.textContent = text;
  const form = toast.querySelector("form")!;
  if (undo) form.action = undo;
  else form.remove();
  document.querySelector("#toasts")!.append(toast);
}
