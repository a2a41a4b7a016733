import { isChanged, isField, isTick } from "./fields";

// A live refresh morphs the page under people's hands: what they typed, ticked, opened or are told stays.
document.addEventListener("turbo:before-morph-element", (event) => {
  const { currentElement, newElement } = (event as CustomEvent<{ currentElement: Element; newElement?: Element }>).detail;
  const removed = !newElement;
  const same = isField(currentElement) && isField(newElement) && currentElement.value === newElement.value;
  const kept =
    (isField(currentElement) && !same && (isChanged(currentElement) || currentElement === document.activeElement)) ||
    (isField(currentElement) && isTick(currentElement) && isChanged(currentElement)) ||
    currentElement.matches("select.tomselected, .ts-wrapper, turbo-frame[data-editing]") ||
    (removed && currentElement.matches(".toast-ok"));
  if (kept) event.preventDefault();
});

const ownState = new Map([
  ["open", "details, dialog"],
  ["hidden", "[role=tabpanel], [data-draft-hint], [data-live-target]"],
  ["aria-selected", "[role=tab], tr"],
  ["tabindex", "[role=tab]"],
]);

document.addEventListener("turbo:before-morph-attribute", (event) => {
  const { attributeName } = (event as CustomEvent<{ attributeName: string }>).detail;
  const owners = ownState.get(attributeName);
  if (owners && (event.target as Element).matches(owners)) event.preventDefault();
});

// Another page: what lay over this one goes away, and is not in its copy for the Back button either.
document.addEventListener("turbo:before-render", (event) => {
  if ((event as CustomEvent<{ renderMethod: string }>).detail.renderMethod === "replace") closeAll();
});
document.addEventListener("turbo:before-cache", () => {
  closeAll();
  for (const toast of document.querySelectorAll(".toast-ok")) toast.remove();
});

function closeAll(): void {
  for (const dialog of document.querySelectorAll<HTMLDialogElement>("dialog[open]")) dialog.close();
  for (const menu of document.querySelectorAll<HTMLDetailsElement>("details.menu[open]")) menu.open = false;
}

// Turbo lets go of an answer that nobody waits for any more, and says so as an error that nobody catches.
addEventListener("unhandledrejection", (event) => {
  if (event.reason instanceof DOMException && event.reason.name === "AbortError") event.preventDefault();
});
