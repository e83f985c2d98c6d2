// How one comes to the tour: by a button in the header, or by "#tour" in the address. The tour itself is loaded when it is asked for.
import { h } from "../dom";
import style from "./tour.css?inline";

export function tourButton(): HTMLElement {
  const button = h(
    "button",
    { class: "quiet tour-button", type: "button", "aria-label": "What is Φ? A tour", "data-action": "tour" },
    h("span", {}, "What is "),
    "Φ?",
    h("span", {}, " A tour"),
  );
  button.addEventListener("click", () => void open());
  return button;
}

/** Opens the tour where the address asks for it, now and later. */
export function followTour(): void {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(style);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  const asked = () => {
    if (location.hash === "#tour") void open();
  };
  window.addEventListener("hashchange", asked);
  asked();
}

async function open(): Promise<void> {
  const root = document.querySelector<HTMLElement>(".iit");
  const { tour } = await import("./tour");
  if (root) tour(root);
}
