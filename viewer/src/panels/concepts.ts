// The concepts of the cause-effect structure as a table; hovering lights up their units everywhere.
import { computed } from "../data/results";
import type { Computed, Concept, EpochRecord } from "../data/types";
import { fill, h } from "../dom";
import { oneTabStop } from "../parts/oneTabStop";
import { about } from "../parts/sheet";
import { conceptsCsv } from "../save/csv";
import type { Figure } from "../save/figure";
import { tableFigure } from "../save/table";
import { lettersOf } from "../scales/bits";
import { isIIT4 } from "../scales/formalism";
import { phiText } from "../scales/format";
import { analysisOf, isOtherAnalysis, resultOf } from "../state/analysis";
import { shownKind, shownSide } from "../state/app";
import type { Context, Panel } from "./panel";

type Column = "mechanism" | "cause" | "effect" | "phi";
const TERMS = { mechanism: "mechanism", cause: "purview", effect: "purview", phi: "φ" } as const;
const NAMES: [Column, string][] = [
  ["mechanism", "Mechanism"],
  ["cause", "Cause purview"],
  ["effect", "Effect purview"],
  ["phi", "φ"],
];

export const smallPhi = (concept: Concept): number => Math.min(concept.cause_phi, concept.effect_phi);

export function conceptsPanel({ store, tip }: Context): Panel {
  const body = h("tbody");
  const title = tip.term(h("h3", { tabindex: 0 }, "Concepts"), "concept");
  let sorted: Column = "phi";
  const heads = NAMES.map(([column, name]) => {
    const button = h("button", { type: "button" }, name);
    button.addEventListener("click", () => {
      sorted = column;
      draw();
    });
    tip.term(button, TERMS[column]);
    return h("th", { scope: "col", "data-column": column }, button);
  });
  const draw = () => {
    const record = shownSide(store.state)?.record;
    element.hidden = record ? isIIT4(record.formalism) : false;
    const result = record ? computed(resultOf(record, analysisOf(store.state))) : null;
    const concepts = [...(result?.concepts ?? [])].sort((a, b) => compare(a, b, sorted));
    const largest = Math.max(...concepts.map(smallPhi), 1e-9);
    heads.forEach((head) =>
      head.setAttribute("aria-sort", head.dataset.column === sorted ? (sorted === "phi" ? "descending" : "ascending") : "none"),
    );
    title.textContent = result ? `Concepts (${concepts.length}), ${record?.kind}` : "Concepts";
    fill(
      body,
      ...(concepts.length
        ? concepts.map((concept) => row(concept, largest))
        : [h("tr", {}, h("td", { colspan: 4, class: "empty-words" }, whyNone(record, result !== null)))]),
    );
  };
  const whyNone = (record: EpochRecord | null | undefined, isComputed: boolean) => {
    if (isComputed) return "No mechanism has a concept.";
    return record?.result.status === "open" ? "Concepts come with Φ, whose analysis has not ended yet." : "No Φ, so no concepts.";
  };
  const row = (concept: Concept, largest: number): HTMLElement => {
    const phi = smallPhi(concept);
    const line = h(
      "tr",
      {},
      h("td", { class: "units mechanism" }, lettersOf(concept.mechanism)),
      h("td", { class: "units cause" }, lettersOf(concept.cause_purview)),
      h("td", { class: "units effect" }, lettersOf(concept.effect_purview)),
      h(
        "td",
        { class: "phi", "data-phi": phi },
        h("i", { style: { width: `calc(${phi / largest} * (100% - 16px))` } }),
        h("span", {}, phiText(phi)),
      ),
    );
    const on = () =>
      store.set({ lit: { mechanism: concept.mechanism, cause: concept.cause_purview, effect: concept.effect_purview } });
    const off = () => {
      tip.hide();
      store.set({ lit: null });
    };
    line.addEventListener("mouseenter", on);
    line.addEventListener("focus", on);
    line.addEventListener("mouseleave", off);
    line.addEventListener("blur", off);
    line.addEventListener("mousemove", (event) =>
      tip.show(event.clientX, event.clientY, `Concept of ${lettersOf(concept.mechanism)}`, [
        ["φ of the cause", phiText(concept.cause_phi)],
        ["φ of the effect", phiText(concept.effect_phi)],
      ]),
    );
    return line;
  };
  const table = h("table", { "aria-label": "Concepts" }, h("thead", {}, h("tr", {}, ...heads)), body);
  oneTabStop(table, "th button, tbody tr");
  const element = h("section", { class: "concepts" }, title, about("concepts"), h("div", { class: "scroll" }, table));
  store.on(["a", "b", "shown", "chosenState", "computations"], (state, before) => {
    if (isOtherAnalysis(state, before)) draw();
  });
  const concepts = () => {
    const record = shownSide(store.state)?.record;
    return record ? computed(resultOf(record, analysisOf(store.state))) : null;
  };
  const rows = () =>
    [...(concepts()?.concepts ?? [])]
      .sort((a, b) => compare(a, b, sorted))
      .map((one) => [
        ...[one.mechanism, one.cause_purview, one.effect_purview].map((units) => lettersOf(units)),
        phiText(smallPhi(one)),
      ]);
  const figures: Figure[] = [
    {
      name: "Concepts",
      file: "concepts",
      kind: () => shownKind(store.state),
      there: () => (concepts()?.concepts.length ?? 0) > 0,
      svg: () => tableFigure("Concepts", ["Mechanism", "Cause purview", "Effect purview", "#φ (earth mover's distance)"], rows()),
      csv: () => conceptsCsv(concepts() as Computed, shownKind(store.state)),
    },
  ];
  return { element, figures };
}

function compare(a: Concept, b: Concept, column: Column): number {
  if (column === "phi") return smallPhi(b) - smallPhi(a);
  const pick = (concept: Concept) =>
    column === "mechanism" ? concept.mechanism : column === "cause" ? concept.cause_purview : concept.effect_purview;
  const [x, y] = [pick(a), pick(b)];
  return x.length - y.length || lettersOf(x).localeCompare(lettersOf(y));
}
