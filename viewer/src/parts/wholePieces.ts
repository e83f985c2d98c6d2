// Sentences and notes of which a window shows as many as have room: a sentence that is cut off may say the contrary.
import { h } from "../dom";

/** A text in its sentences, each of which is shown whole or not at all. */
export const sentencesOf = (words: string): HTMLElement[] =>
  words.split(/(?<=[.!?]) (?=\p{Lu}|φ)/u).map((sentence, at) => h("span", { "data-piece": "" }, at ? ` ${sentence}` : sentence));

/** Hides the last pieces in `host` that have no room in its `--lines` lines; the first one is always there. */
export function settlePieces(host: HTMLElement): void {
  const pieces = [...host.querySelectorAll<HTMLElement>("[data-piece]")];
  for (const piece of pieces) piece.hidden = false;
  host.classList.remove("folded");
  const style = getComputedStyle(host);
  const most = Number(style.getPropertyValue("--lines")) * Number.parseFloat(style.lineHeight);
  if (!most) return;
  for (const piece of pieces.slice(1).reverse()) {
    if (host.scrollHeight <= most + 2) return;
    piece.hidden = true;
    host.classList.add("folded");
  }
}

export const hasHiddenPieces = (host: HTMLElement): boolean => host.querySelector("[data-piece][hidden]") !== null;
