// The comparison of the trainings that are ticked.
import { fill, h } from "../dom";
import type { ComparedRuns, ComparedScale } from "../generated/studio";
import { number, phiText } from "../scales/format";

export interface Comparison {
  element: HTMLElement;
  show(found: ComparedRuns): void;
  problem(words: string): void;
}

export function comparison(): Comparison {
  const place = h("div", { class: "scales-found" });
  const close = h("button", { class: "quiet", type: "button" }, "Close");
  const element = h(
    "section",
    { class: "card compared", "aria-label": "Comparison", hidden: true },
    h("div", { class: "job-top" }, h("h2", {}, "Comparison"), h("span", { class: "grow" }), close),
    place,
  );
  close.addEventListener("click", () => {
    element.hidden = true;
  });
  const put = (...children: (HTMLElement | null)[]) => {
    fill(place, ...children);
    element.hidden = false;
    element.scrollIntoView?.({ block: "nearest" });
  };
  return {
    element,
    problem: (words) => put(h("p", { class: "reason", role: "alert" }, words)),
    show: ({ scales, words }) =>
      put(
        words ? h("p", { class: "which" }, words) : null,
        scales.length > 1
          ? h(
              "p",
              { class: "choice-words" },
              "These trainings have numbers of different kinds, which are never put on one scale. So each kind stands by itself, before and after training.",
            )
          : null,
        ...scales.map(scaleOf),
      ),
  };
}

function scaleOf({ scale, by, rows, words, is_statistical: isCounted }: ComparedScale): HTMLElement {
  const name = isCounted ? "Counted from the data, " : "Φ of the ";
  const head = ["Layer", "Compared", `${name}first`, `${name}second`, "Difference", "p"];
  return h(
    "article",
    {},
    scale ? h("h3", {}, scale) : null,
    h("p", { class: "choice-words" }, `Compared: ${by}.`),
    rows.length
      ? h(
          "div",
          { class: "scroll", tabindex: 0, role: "region", "aria-label": `Table of the comparison ${scale}` },
          h(
            "table",
            {},
            h("thead", {}, h("tr", {}, ...head.map((name) => h("th", { scope: "col" }, name)))),
            h(
              "tbody",
              {},
              ...rows.map((row) =>
                h(
                  "tr",
                  {},
                  h("th", { scope: "row" }, row.layer),
                  h("td", {}, `${row.one} → ${row.other}`),
                  h("td", {}, phiText(row.phi_one)),
                  h("td", {}, phiText(row.phi_other)),
                  h("td", {}, `${row.difference >= 0 ? "+" : ""}${phiText(row.difference)}`),
                  h("td", {}, row.p === null ? "none" : number(row.p, 2)),
                ),
              ),
            ),
          ),
        )
      : null,
    h("p", {}, words),
  );
}
