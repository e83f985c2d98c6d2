// Of IIT 4.0 the cause and the effect state that the system specifies, with their numbers.
import { systemPhi } from "../data/results";
import type { SystemPhi } from "../data/types";
import { fill, h } from "../dom";
import { oneTabStop } from "../parts/oneTabStop";
import { about } from "../parts/sheet";
import type { Tip } from "../parts/tip";
import type { Figure } from "../save/figure";
import { tableFigure } from "../save/table";
import { lettersOf } from "../scales/bits";
import { phiText } from "../scales/format";
import { IBIT, PHI_S, SIGNED } from "../scales/iit4";
import { analysisOf, isOtherAnalysis, resultOf } from "../state/analysis";
import { shownKind, shownSide } from "../state/app";
import type { Context, Panel } from "./panel";

type Named = [name: string, text: string, value: number, words: string];

export function systemPhiPanel({ store, tip }: Context): Panel {
  const element = h("section", { class: "system-phi", hidden: true });
  const help = about("systemPhi");
  oneTabStop(element, ".numbers span, tbody tr");
  store.on(["a", "b", "shown", "chosenState", "computations"], (state, before) => {
    if (!isOtherAnalysis(state, before)) return;
    const record = shownSide(state)?.record;
    const result = record ? systemPhi(resultOf(record, analysisOf(state))) : null;
    element.hidden = !result;
    fill(element, help, ...(result ? drawn(result, tip) : []));
  });
  const found = () => {
    const record = shownSide(store.state)?.record;
    return record ? systemPhi(resultOf(record, analysisOf(store.state))) : null;
  };
  const rows = ({ cause, effect }: SystemPhi) =>
    ([cause, effect] as const).map((one, at) => [
      at ? "effect" : "cause",
      one.state.join(""),
      ...[one.intrinsic_information, one.phi, one.signed_phi].map(phiText),
    ]);
  const figures: Figure[] = [
    {
      name: "Cause and effect state",
      file: "states",
      kind: () => shownKind(store.state),
      there: () => found() !== null,
      svg: () =>
        tableFigure("Cause and effect state", ["", "State", "#ii (ibits)", "#φ (ibits)", "#signed φ"], rows(found() as SystemPhi)),
    },
  ];
  return { element, figures };
}

function drawn(result: SystemPhi, tip: Tip): HTMLElement[] {
  const numbers: Named[] = [
    ["φ_s", phiText(result.phi), result.phi, PHI_S],
    ["signed φ_s", phiText(result.signed_phi), result.signed_phi, SIGNED],
    ["normalised φ_s", phiText(result.normalized_phi), result.normalized_phi, "φ_s divided by the number of severed connections."],
    [
      "ii",
      phiText(result.ii),
      result.ii,
      "Intrinsic information of the whole system in its state, in ibits. φ_s of IIT 4.0 (2026) is never above it.",
    ],
  ];
  const named = numbers.map(([name, text, value, words]) => {
    const one = h("span", { "data-name": name, "data-value": value }, name, " ", h("b", {}, text));
    tip.on(one, name, [words, IBIT]);
    return one;
  });
  const rows = (["cause", "effect"] as const).map((which) => {
    const { state, phi, signed_phi: signed, intrinsic_information: information, ties } = result[which];
    const bits = h("td", { class: "bits" }, state.join(""));
    if (ties.length > 1) bits.append(h("small", {}, `${ties.length} states tie`));
    return h(
      "tr",
      { class: which },
      h("td", { class: `units ${which}` }, which),
      bits,
      ...[information, phi, signed].map((value) => h("td", { "data-value": value }, phiText(value))),
    );
  });
  const heads = ["Side", `State of ${lettersOf(result.nodes)}`, "ii", "φ", "signed φ"];
  return [
    h("div", { class: "numbers" }, ...named),
    h(
      "div",
      { class: "scroll" },
      h(
        "table",
        { "aria-label": "Cause and effect of the system" },
        h("thead", {}, h("tr", {}, ...heads.map((name) => h("th", { scope: "col" }, name)))),
        h("tbody", {}, ...rows),
      ),
    ),
  ];
}
