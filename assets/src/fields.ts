export type Field = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

/** Whether keys typed now are text for a field, so that one-letter keys must not act. */
export function isWriting(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !["checkbox", "radio", "button", "submit", "file"].includes(target.type);
  return target.isContentEditable || target.matches("textarea, select");
}

export function isField(element: Element | null): element is Field {
  return element instanceof HTMLElement && element.matches("input, textarea, select");
}

/** Whether the person changed the field since the server drew it. */
export function isChanged(field: Field): boolean {
  if (field instanceof HTMLSelectElement) return [...field.options].some((option) => option.selected !== option.defaultSelected);
  if (field instanceof HTMLInputElement && ["checkbox", "radio"].includes(field.type)) return field.checked !== field.defaultChecked;
  return field.value !== field.defaultValue;
}
