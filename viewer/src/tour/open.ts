// How one comes to the tour: by a button in the header, or by "#tour" in the address. The tour itself is run when it is first opened.
import { h } from "../dom";
import type { AppState } from "../state/app";
import type { Store } from "../state/store";
import style from "./tour.css?inline";

export function tourButton(store: Store<AppState>): HTMLElement {
  const button = h(
    "button",
    { class: "quiet tour-button", type: "button", "aria-label": "What is Φ? A tour", "data-action": "tour" },
    h("span", {}, "What is "),
    "Φ?",
    h("span", {}, " A tour"),
  );
  button.addEventListener("click", () => store.set({ tour: true }));
  return button;
}

/** Opens and closes the tour as the state says. */
export function followTour(store: Store<AppState>): void {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(style);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  store.on(["tour"], async ({ tour: isOpen }) => {
    const root = document.querySelector<HTMLElement>(".iit");
    if (!isOpen) return root?.querySelector<HTMLDialogElement>(".tour")?.close();
    const { tour } = await import("./tour");
    if (root && store.state.tour) tour(root, () => store.set({ tour: false }));
  });
}
