// A button with a part of the page under it, which is open until a person goes elsewhere.
import { h } from "../dom";

export interface Popup {
  element: HTMLDetailsElement;
  button: HTMLElement;
  /** Calls a function whenever it opens or closes. */
  ontoggle(act: (isOpen: boolean) => void): void;
}

export function popup(name: string, ...content: HTMLElement[]): Popup {
  const button = h("summary", { class: "quiet" }, name);
  const element = h("details", { class: "drop" }, button, h("div", { class: "drop-body" }, ...content));
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !element.open) return;
    event.stopPropagation();
    element.open = false;
    button.focus();
  });
  return {
    element,
    button,
    ontoggle: (act) => element.addEventListener("toggle", () => act(element.open)),
  };
}
