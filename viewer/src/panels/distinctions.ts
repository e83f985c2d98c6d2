// The distinctions of the cause-effect structure (IIT 4.0) as a table, strongest first; hovering lights up their units everywhere.
import { systemPhi } from "../data/results";
import type { Distinction, Structure } from "../data/types";
import { fill, h } from "../dom";
import { oneTabStop } from "../parts/oneTabStop";
import { about } from "../parts/sheet";
import { distinctionsCsv } from "../save/csv";
import type { Figure } from "../save/figure";
import { tableFigure } from "../save/table";
import { lettersOf } from "../scales/bits";
import { count, phiText } from "../scales/format";
import { DISTINCTION, IBIT, inState, OF_REDUCIBLE, RELATION, STRUCTURE } from "../scales/iit4";
import { analysisOf, isOtherAnalysis, resultOf } from "../state/analysis";
import { shownKind, shownSide } from "../state/app";
import { structureOf } from "../state/structure";
import type { Context, Panel } from "./panel";

export function distinctionsPanel(context: Context): Panel {
  const { store, tip } = context;
  const title = h("h3", { tabindex: 0 });
  const sums = h("div", { class: "numbers" });
  const words = h("p", { class: "structure-words" });
  const body = h("tbody");
  const heads = ["Mechanism", "Cause purview", "Effect purview", "φ_d"].map((name) => h("th", { scope: "col" }, name));
  const table = h("table", { "aria-label": "Distinctions" }, h("thead", {}, h("tr", {}, ...heads)), body);
  const scroll = h("div", { class: "scroll" }, table);
  oneTabStop(table, "tbody tr");
  oneTabStop(sums, "span");
  const element = h("section", { class: "distinctions", hidden: true }, title, about("distinctions"), sums, words, scroll);
  tip.term(title, "distinction");
  store.on(["a", "b", "shown", "chosenState", "computations"], (state, before) => {
    if (!isOtherAnalysis(state, before)) return;
    const found = structureOf(state);
    element.hidden = !found;
    const structure = found?.structure ?? null;
    const strongest = [...(structure?.distinctions ?? [])].sort((a, b) => b.phi - a.phi);
    const kind = shownKind(state);
    title.textContent = structure ? `Distinctions (${strongest.length}), ${kind}` : "Distinctions";
    const record = shownSide(state)?.record;
    const isReducible = record ? systemPhi(resultOf(record, analysisOf(state)))?.phi === 0 : false;
    words.textContent = found?.reason || (structure && isReducible ? OF_REDUCIBLE : "");
    words.hidden = !words.textContent;
    scroll.hidden = !strongest.length;
    fill(sums, ...(structure ? sumsOf(structure, context) : []));
    fill(body, ...strongest.map((one) => row(one, strongest[0]?.phi || 1, context)));
  });
  const structure = () => structureOf(store.state)?.structure ?? null;
  const columns = ["Mechanism", "Cause purview", "Effect purview", "#φ_d (ibits)"];
  const rows = () =>
    [...(structure()?.distinctions ?? [])]
      .sort((a, b) => b.phi - a.phi)
      .map(({ mechanism, cause, effect, phi }) => [
        lettersOf(mechanism),
        inState(cause.nodes, cause.state),
        inState(effect.nodes, effect.state),
        phiText(phi),
      ]);
  const figures: Figure[] = [
    {
      name: "Distinctions",
      file: "distinctions",
      kind: () => shownKind(store.state),
      there: () => (structure()?.distinctions.length ?? 0) > 0,
      svg: () => tableFigure("Distinctions", columns, rows()),
      csv: () => distinctionsCsv(structure() as Structure, shownKind(store.state)),
    },
  ];
  return { element, figures };
}

function sumsOf(structure: Structure, { tip }: Context): HTMLElement[] {
  const { sum_phi_distinctions: distinctions, sum_phi_relations: relations } = structure;
  const named: [string, string, number, string][] = [
    ["Σφ_d", phiText(distinctions), distinctions, DISTINCTION],
    ["relations", count(structure.relations), structure.relations, RELATION],
    ["Σφ_r", phiText(relations), relations, RELATION],
    ["Φ of the structure", phiText(distinctions + relations), distinctions + relations, STRUCTURE],
  ];
  return named.map(([name, text, value, words]) => {
    const one = h("span", { "data-name": name, "data-value": value }, name, " ", h("b", {}, text));
    tip.on(one, name, [words, IBIT]);
    return one;
  });
}

function row({ mechanism, cause, effect, phi }: Distinction, largest: number, { store, tip }: Context): HTMLElement {
  const line = h(
    "tr",
    {},
    h("td", { class: "units mechanism" }, lettersOf(mechanism)),
    h("td", { class: "units cause" }, inState(cause.nodes, cause.state)),
    h("td", { class: "units effect" }, inState(effect.nodes, effect.state)),
    h(
      "td",
      { class: "phi", "data-phi": phi },
      h("i", { style: { width: `calc(${phi / largest} * (100% - 16px))` } }),
      h("span", {}, phiText(phi)),
    ),
  );
  const on = () => store.set({ lit: { mechanism, cause: cause.nodes, effect: effect.nodes } });
  const off = () => {
    tip.hide();
    store.set({ lit: null });
  };
  for (const name of ["mouseenter", "focus"]) line.addEventListener(name, on);
  for (const name of ["mouseleave", "blur"]) line.addEventListener(name, off);
  line.addEventListener("mousemove", (event) =>
    tip.show(event.clientX, event.clientY, `Distinction of ${lettersOf(mechanism)}`, [
      ["φ of the cause", phiText(cause.phi)],
      ["φ of the effect", phiText(effect.phi)],
      "φ_d is the smaller of the two.",
    ]),
  );
  return line;
}
