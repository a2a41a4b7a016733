export type Field = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

/** Whether keys typed now are text for a field, so that one-letter keys must not act. */
export function isWriting(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !["checkbox", "radio", "button", "submit", "file"].includes(target.type);
  return target.isContentEditable || target.matches("textarea, select");
}

export function isField(element: Element | null | undefined): element is Field {
  return element instanceof HTMLElement && element.matches("input, textarea, select");
}

export function isTick(field: Field): field is HTMLInputElement {
  return field instanceof HTMLInputElement && ["checkbox", "radio"].includes(field.type);
}

/** Whether the person changed the field since the server drew it. */
export function isChanged(field: Field): boolean {
  if (field instanceof HTMLSelectElement) {
    const options = [...field.options];
    const drawn = options.filter((option) => option.defaultSelected);
    if (!drawn.length && !field.multiple) drawn.push(...options.slice(0, 1));
    return options.some((option) => option.selected !== drawn.includes(option));
  }
  if (isTick(field)) return field.checked !== field.defaultChecked;
  return field.value !== field.defaultValue;
}
