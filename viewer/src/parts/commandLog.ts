// What a training was told, and its answers, the latest first.
import type { IndexRow, Told } from "../data/types";
import { fill, h } from "../dom";
import { phiOf } from "../scales/training";

export function commandLog(): { element: HTMLElement; show(told: readonly Told[], rows: readonly IndexRow[]): void } {
  const element = h("ol", { class: "log", tabindex: 0, "aria-label": "What this training was told" });
  let shown = "";
  return {
    element,
    show: (told, rows) => {
      const lines = told.map((one) => ({ one, phi: phiOf(one, rows) }));
      const now = JSON.stringify(lines);
      if (now === shown) return; // what a person has selected in it stays
      shown = now;
      fill(element, ...(lines.length ? lines.map(({ one, phi }) => line(one, phi)) : [h("li", {}, "Nothing so far.")]));
    },
  };
}

function line(told: Told, phi: string): HTMLElement {
  const when = told.answered ? `epoch ${told.epoch} · step ${told.step} · ${clock(told.answered)}` : "waits for the end of a batch";
  return h(
    "li",
    { class: told.outcome || "open", "data-command": told.id },
    h("div", { class: "log-top" }, h("code", {}, told.words), h("span", {}, when)),
    told.answer ? h("p", {}, told.answer) : null,
    phi ? h("p", { class: "log-phi" }, phi) : null,
    told.sender ? h("small", {}, told.sender) : null,
  );
}

const clock = (seconds: number): string => new Date(seconds * 1000).toLocaleTimeString();
