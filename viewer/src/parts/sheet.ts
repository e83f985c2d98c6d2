// The side sheets "What is this?": for each panel what it shows, how that is computed, how to read it, and what it does not say.
import { h } from "../dom";
import { FIRST } from "../scales/formalism";
import { termWords } from "../scales/glossary";
import type { SheetName } from "./sheetWords";
import { PARAGRAPHS, sheetsOf } from "./sheetWords";

/** A button that opens the sheet of a panel. When the sheet is closed, the browser gives the focus back to the button, if that is still there. */
export function about(name: SheetName): HTMLButtonElement {
  const { title } = sheetsOf(FIRST)[name]; // the title is the same in all of them
  const button = h(
    "button",
    { type: "button", class: "about", "aria-label": `What is this? ${title}`, "aria-haspopup": "dialog", "data-about": name },
    "?",
  );
  button.addEventListener("click", () => open(name, button));
  return button;
}

function open(name: SheetName, opener: HTMLElement): void {
  const page = opener.closest<HTMLElement>(".iit");
  const { title, terms, source, ...words } = sheetsOf(page?.dataset.formalism ?? FIRST)[name];
  const close = h("button", { type: "button", class: "quiet" }, "Close");
  const dialog = h(
    "dialog",
    { class: "sheet", role: "dialog", "aria-labelledby": "sheet-title", "data-sheet": name },
    h("div", { class: "sheet-top" }, h("h2", { id: "sheet-title" }, title), close),
    ...PARAGRAPHS.flatMap(({ key, heading }) => [h("h3", {}, heading), h("p", { "data-part": key }, words[key])]),
    h("h3", {}, "Source"),
    h("p", { "data-part": "source" }, source),
    h("h3", {}, "Words"),
    h("dl", {}, ...terms.flatMap((term) => [h("dt", {}, term), h("dd", {}, termWords(term))])),
  );
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("keydown", (event) => event.stopPropagation()); // the keys of the page are not for the sheet
  dialog.addEventListener("close", () => dialog.remove());
  page?.append(dialog);
  dialog.showModal();
}
