// A button with a part of the page under it; of several of one group one is open at a time.
import { h } from "../dom";

export interface Popup {
  element: HTMLDetailsElement;
  button: HTMLElement;
}

export function popup(group: string, name: string, ...content: HTMLElement[]): Popup {
  const button = h("summary", { class: "quiet" }, name);
  const element = h("details", { class: "drop", name: group }, button, h("div", { class: "drop-body" }, ...content));
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !element.open) return;
    event.stopPropagation();
    element.open = false;
    button.focus();
  });
  return { element, button };
}
